"""`orderctl doctor`: is everything there that the commands will need, asked without changing anything.

`examine` decides what is looked at and in which order, `bounded` looks at many things at a time and never longer than
allowed, `permissions` lists what the commands need, `judging` asks IAM about what is not tried, `findings` turns an
answer into a line.
"""

from __future__ import annotations
