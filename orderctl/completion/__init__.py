"""What Tab offers, answered without AWS and without importing the command line.

`engine` decides what fits at the cursor, from the `tree` of commands (written down once a version) and from
`memory`: names that commands have shown. `line` takes bash's line apart; `shells` holds the three scripts.
"""

from __future__ import annotations
