"""From an answer to a line: what is as it should be, what is odd, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from orderctl.auth.models import AuthStatus, Flow
from orderctl.config.resolve import Environment
from orderctl.doctor.models import CONCURRENCY, Caller, Outcome, Quota, Status, ok, skipped, warning

SKEW_WARN, SKEW_FAIL = 60.0, 300.0
"""Seconds. A minute early is when tokens are refreshed; AWS refuses signatures five minutes off.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
"""
FEW_AT_ONCE = 100
"""Lambda's concurrency of a new account may be 10, which a redrive fills by itself."""
WRONG_PLACE = 7


def account(environment: Environment, caller: Caller) -> Outcome:
    """Is it the account the environment is pinned to?"""
    pinned = environment.pins.get("account_id")
    if pinned is None:
        return skipped(
            f"{caller.account}; none is pinned", f"orderctl config set account_id {caller.account} guards changes"
        )
    if pinned != caller.account:
        detail = f"pinned to {pinned}, but these credentials are for {caller.account}"
        return Outcome(Status.FAIL, detail, "choose other credentials with --profile", WRONG_PLACE)
    return ok(pinned)


def region(environment: Environment, in_force: str | None) -> Outcome:
    """Is it the Region the environment is pinned to?"""
    pinned = environment.pins.get("region")
    if in_force is None:
        return Outcome(Status.FAIL, "no AWS Region is set", "orderctl config set region REGION, or AWS_REGION", 1)
    if pinned is None:
        return skipped(f"{in_force}; none is pinned", f"orderctl config set region {in_force} guards changes")
    if pinned != in_force:
        detail = f"pinned to {pinned}, but {in_force} is in force"
        return Outcome(Status.FAIL, detail, f"it comes from {environment.origin('region')}", WRONG_PLACE)
    return ok(pinned)


def clock(caller: Caller) -> Outcome:
    """How far is our clock from AWS's? The answer's date has whole seconds."""
    if caller.skew is None:
        return skipped("AWS's answer had no date")
    apart = abs(caller.skew)
    way = "ahead of" if caller.skew > 0 else "behind"
    if apart < SKEW_WARN:
        return ok("within 2 seconds of AWS" if apart < 2 else f"{apart:.0f} seconds {way} AWS")
    detail, hint = f"{apart:.0f} seconds {way} AWS", "set the clock (timedatectl, chronyc makestep)"
    return warning(detail, hint) if apart < SKEW_FAIL else Outcome(Status.FAIL, detail, hint, 4)


def sign_in(found: AuthStatus, now: datetime) -> Outcome:
    """Is somebody signed in? Nobody is no failure: most commands need no token."""
    if found.flow in (Flow.IAM, Flow.NONE):
        return skipped(f"flow {found.flow.value} needs no sign-in")
    login = f"orderctl auth login --env {found.environment}"
    if found.problem is not None:
        return Outcome(Status.FAIL, found.problem, login, 4)
    if not found.signed_in or found.expires_at is None:
        ended = "the sign-in has ended" if found.expires_at else "nobody is signed in"
        return warning(f"{ended}; users and orders through the APIs need it", login)
    minutes = (found.expires_at - now).total_seconds() / 60
    left = f"token for another {minutes:.0f} minutes" if minutes > 0 else "token ended, will be refreshed"
    return ok(f"{found.username}, {left}")


def users_api(status: int, flow: Flow) -> Outcome:
    """What a request without a token is answered with shows whether the path and its authoriser are there."""
    is_open = flow is Flow.NONE
    if status == 401 or (status == 403 and flow is Flow.IAM):
        return ok(f"refuses a request without sign-in ({status})")
    if status == 403:
        hint = "check users_api_url, its stage included; or a web firewall or resource policy refuses this network"
        return Outcome(Status.FAIL, "answers 403: no such path or stage", hint, 1)
    if status >= 500:
        return Outcome(Status.FAIL, f"answers {status}", "look into its log", 1)
    if is_open:
        return ok(f"answers ({status})")
    hint = "check users_api_url: is that the API, and is its authoriser in place?"
    return warning(f"answers {status} to a request without sign-in", hint)


def answers(status: int) -> Outcome:
    """Any answer shows that the host is there."""
    return ok(f"answers ({status})") if status < 500 else Outcome(Status.FAIL, f"answers {status}", None, 1)


def taps(found: Iterable[tuple[str, bool]]) -> Outcome:
    """Temporary rules and queues of `events tail`: each with whether a killed run left it."""
    known = list(found)
    left = [name for name, is_left in known if is_left]
    if left:
        hint = "orderctl doctor --sweep removes them, and so does the next 'orderctl events tail'"
        return warning(f"left by killed tails: {', '.join(left)}", hint)
    return ok(f"{len(known)} in use" if known else "none left behind")


def quotas(found: Sequence[Quota]) -> Outcome:
    """The numbers; few executions of functions at once are worth a warning."""
    told = ", ".join(f"{quota.name} {quota.value:g}" for quota in found)
    if any(quota.name == CONCURRENCY and quota.value < FEW_AT_ONCE for quota in found):
        return warning(told, "redrive slowly (--rate), or ask for more in Service Quotas")
    return ok(told)
