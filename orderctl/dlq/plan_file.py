"""`--plan-out` and `--plan`: a plan that somebody else may look at before it is carried out.

The file names the very messages that were looked at. It is carried out only where it was made (environment
and queue), while the wiring is still what it was, and not after a day: then the letters it speaks of may
have been redriven, or may mean something else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from orderctl import jsontext
from orderctl.atomic import write_private
from orderctl.dlq.asked import Asked
from orderctl.dlq.models import Wiring
from orderctl.dlq.plan import Plan
from orderctl.errors import ConflictError, RefusedError, UsageError

VERSION = 1
LIFETIME = timedelta(days=1)
MOST = 10_000
"""Messages a plan file may name; each of them is received once to make it."""


def write_plan(
    path: Path, plan: Plan, asked: Asked, *, environment: str, queue_arn: str, wiring: Wiring, now: datetime
) -> None:
    """Write the plan, mode 0600; raises FailedError where it cannot."""
    document = {
        "orderctl_plan": VERSION,
        "environment": environment,
        "queue": queue_arn,
        "wiring": fingerprint(wiring, queue_arn),
        "made_at": now,
        "asked": asked.document(),
        "lines": plan.lines,
        "warnings": plan.warnings,
        "ids": plan.ids,
    }
    write_private(path, (jsontext.dumps(document, indent=2) + "\n").encode())


def read_plan(path: Path) -> Mapping[str, Any]:
    """The document of a plan file; raises UsageError for anything else."""
    try:
        document = jsontext.loads(path.read_bytes(), source=str(path))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    if not isinstance(document, dict) or document.get("orderctl_plan") != VERSION:
        raise UsageError(f"{path} is not a plan of this version of orderctl")
    return document


def check_plan(
    document: Mapping[str, Any], *, environment: str, queue_arn: str, wiring: Wiring, now: datetime
) -> Asked:
    """What to carry out: the plan's own messages with its own edits.

    Raises RefusedError for another environment, ConflictError for a plan that is stale or whose wiring has
    changed.
    """
    if document["environment"] != environment or document["queue"] != queue_arn:
        raise RefusedError(
            f"the plan was made for {document['queue']} in environment {document['environment']!r}",
            hint="make a new one with --plan-out",
        )
    if now - datetime.fromisoformat(document["made_at"]) > LIFETIME:
        raise ConflictError(f"the plan is of {document['made_at']}, more than a day ago", hint="make a new one")
    if document["wiring"] != fingerprint(wiring, queue_arn):
        raise ConflictError("the wiring of the queue has changed since the plan was made", hint="make a new one")
    if not document["ids"]:
        raise UsageError("the plan names no message to redrive")
    asked = Asked.read(document["asked"])
    rate = None if asked.rate is None else float(asked.rate)  # read as an exact number
    return replace(asked, ids=tuple(document["ids"]), limit=None, rate=rate)


def fingerprint(wiring: Wiring, queue_arn: str) -> str:
    """Changes when any wire to the queue does."""
    wires = sorted(jsontext.dumps(wire) for wire in wiring.of(queue_arn))
    return hashlib.sha256("\n".join(wires).encode()).hexdigest()[:32]
