"""What orderctl is compared with: the plain programs somebody would write instead."""
