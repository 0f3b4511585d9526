"""The end of `dlq redrive`: what became of the letters, and the exit code that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderctl.errors import OrderctlError, PartlyDoneError, RefusedError

if TYPE_CHECKING:
    from orderctl.context import App
    from orderctl.dlq.tally import Tally
    from orderctl.dlq.verify import Verified

SHOWN = 20
"""Ids of a list on stderr; all of them are in the JSON."""


def report(cli: App, tally: Tally, verified: Verified | None = None) -> None:
    """What became of the letters: counts to read, ids for what needs a second look."""
    counts = tally.counts()
    if cli.renderer.is_machine:
        cli.renderer.one({**tally.document(), **({} if verified is None else {"verified": verified.document()})})
    else:
        cli.renderer.one({"run": tally.run, **counts})
    for title, found in (
        ("kept", tally.kept),
        ("refused", tally.refused),
        ("possible duplicate", tally.possible_duplicates),
        ("came back", tally.came_back),
    ):
        for message_id, reason in list(found.items())[:SHOWN]:
            cli.renderer.say(f"{title}: {message_id}: {reason}")
        if len(found) > SHOWN:
            cli.renderer.say(f"{title}: and {len(found) - SHOWN} more; all of them are in -o json")
    if verified is not None:
        say_verified(cli, tally, verified)


def say_verified(cli: App, tally: Tally, verified: Verified) -> None:
    """What was looked at and what that proves."""
    say = cli.renderer.say
    say(f"verified for {verified.seconds:g} s; looked in {', '.join(verified.looked_in) or 'no queue'}")
    for status, count in verified.statuses.items():
        say(f"  {count} executions {status}")
    if not tally.came_back:
        say("  nothing came back so far; what its consumer is still working on, or fails at later, is not seen by this")
    for note in verified.notes:
        cli.renderer.warn(note)


def verdict(tally: Tally, again: str) -> OrderctlError | None:
    """What the run ends with; None when everything was done."""
    undone = len(tally.kept) + len(tally.undeleted)
    if undone:
        return PartlyDoneError(f"{undone} letters were not redriven to the end", hint=f"go on with: {again}")
    if tally.left:
        return PartlyDoneError(f"about {tally.left} messages are left that SQS handed nobody", hint=f"later: {again}")
    if tally.came_back:
        hint = "'dlq inspect' tells why they failed now; each counts towards --max-redrives"
        return PartlyDoneError(f"{len(tally.came_back)} letters came back: their consumer failed again", hint=hint)
    if tally.refused and not tally.delivered:
        return RefusedError(f"{len(tally.refused)} letters were refused; nothing was delivered")
    if tally.refused:
        return PartlyDoneError(f"{len(tally.refused)} letters were refused and stay")
    return None
