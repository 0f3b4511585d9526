"""Untrusted text, made harmless for a terminal.

Bodies, names and error texts come from other people's systems. An escape sequence in one can rewrite the
screen the person on call decides by, and a bidirectional control can make `gpj.exe` read `exe.jpg`. Both
are shown as what they are (`\\x1b`, `\\u202e`) and never sent.
"""

from __future__ import annotations

import re

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
    "|[\U000e0000-\U000e007f]"
)
_SHORT = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}


def clean(text: str) -> str:
    """One line of safe text: control, bidirectional and invisible characters become visible escapes."""
    return _UNSAFE.sub(_escape, text)


def clean_lines(text: str) -> str:
    """The same, but newlines and tabs stay: for bodies shown over several lines."""
    return "\n".join(clean(line.expandtabs(4)) for line in text.split("\n"))


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
