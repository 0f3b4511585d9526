"""Orders: submitted as executions of the order workflow, and followed to their end.

The way of an order through this package: `order` (is it one?), `submit` (start it once), `history` (read what
happened), `follow` (keep reading until it ended), `tracking` (what that means for each state).
"""
