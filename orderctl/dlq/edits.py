"""`--set` and `--unset` on a letter's payload, with the difference shown before anything is sent.

Only an edited payload is ever parsed and written again; `Decimal` keeps the numbers' digits. An edit that
does not fit a letter (the path is not there, the payload is no JSON) refuses that letter, and with it the
command, before the first delivery.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import unified_diff

from orderctl import jsontext
from orderctl.assignments import Change, apply
from orderctl.dlq.models import DeadLetter


def edited_payload(letter: DeadLetter, changes: Sequence[Change]) -> str | None:
    """The payload after the edits, or None where there are none. Raises UsageError naming the path."""
    if not changes:
        return None
    document = jsontext.loads(letter.payload, source=f"message {letter.message.message_id}")
    return jsontext.dumps(apply(document, changes, existing=True))


def difference(letter: DeadLetter, payload: str) -> str:
    """What the edits change in one letter, as a unified diff of the indented JSON."""
    before, after = (jsontext.dumps(jsontext.loads(text), indent=2) for text in (letter.payload, payload))
    name = letter.order_id or letter.message.message_id
    lines = unified_diff(before.splitlines(), after.splitlines(), f"{name} before", f"{name} after", lineterm="", n=1)
    return "\n".join(lines)
