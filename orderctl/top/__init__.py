"""The situation at a glance: what `orderctl top` reads, how often, and what it makes of it."""
