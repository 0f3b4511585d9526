"""Permissions that are not tried: what IAM says of them, or why nobody was asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache, partial

from orderctl.doctor.bounded import Check
from orderctl.doctor.models import Caller, Outcome, Status, ok, skipped, warning
from orderctl.doctor.permissions import Judged, judged
from orderctl.doctor.ports import Probes
from orderctl.errors import AuthError, OrderctlError
from orderctl.permissions import NEEDS, OPTIONAL

NOBODY = Caller("000000000000", "arn:aws:iam::000000000000:root")
"""Stands in where the caller is not known: only for the names of what is not asked about."""
UNNAMED = "not probed: the environment does not name the resource, or only a command knows which it is"
NOT_ALLOWED = "not probed: only iam:SimulatePrincipalPolicy could tell without doing it, and it is not allowed"
CONDITIONS = "not probed: its policy has conditions that only the call itself can meet"


def judgements(
    probes: Probes, resources: Mapping[str, str], caller: Caller | None, region: str, *, why_not: str | None
) -> Iterator[Check]:
    """A check for each resource; with `why_not` nothing is asked, and each line gives it as the reason."""
    for wanted in judged(resources, caller or NOBODY, region):
        reason = why_not or (UNNAMED if wanted.arn is None else None)
        if reason is None and caller is not None:
            yield Check("permission", wanted.actions, partial(_ask, probes, caller, wanted))
        else:
            why = reason or "not probed: nobody knows whose credentials these are"
            yield Check("permission", wanted.actions, partial(_all, wanted, skipped(why)))


def _ask(probes: Probes, caller: Caller, wanted: Judged) -> Mapping[str, Outcome]:
    arn = wanted.arn or "*"
    try:
        verdicts = probes.allowed(caller, wanted.actions, arn)
    except AuthError:
        return _all(wanted, skipped(NOT_ALLOWED))
    except OrderctlError as error:
        return _all(wanted, skipped(f"not probed: {error.message}"))
    return {action: _judgement(action, arn, verdicts.get(action)) for action in wanted.actions}


def _judgement(action: str, arn: str, is_allowed: bool | None) -> Outcome:
    if is_allowed is None:
        return skipped(CONDITIONS)
    if is_allowed:
        return ok("allowed, says IAM; not tried")
    if action in done_without():
        return warning(
            f"not allowed on {arn}, says IAM; an option or a detail is missing without it", f"allow {action}"
        )
    return Outcome(Status.FAIL, f"not allowed on {arn}, says IAM", f"the credentials need {action}", 4)


@cache
def done_without() -> frozenset[str]:
    """Actions that no command needs for its own purpose: each says what it could not do, and goes on."""
    needed = {action for name in NEEDS if name != "doctor" for action in {*NEEDS[name]} - {*OPTIONAL.get(name, ())}}
    return frozenset(action for actions in OPTIONAL.values() for action in actions) - needed


def _all(wanted: Judged, outcome: Outcome) -> Mapping[str, Outcome]:
    return dict.fromkeys(wanted.actions, outcome)
