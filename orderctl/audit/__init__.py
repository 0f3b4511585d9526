"""What orderctl changed: who, when, where, with which command, and how it ended.

`recorder` writes a change down before it is made and again when the command has ended; `trail` is the file;
`command_line` is the command without its secrets. A change that could not be written down is not made.
"""

from __future__ import annotations
