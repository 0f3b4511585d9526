"""The examination: configuration, then who we are, then everything else at once.

What comes later rests on what came before: without a configuration there is nothing to look for, without credentials
nothing of AWS is asked, and the lines that were left out say so. The taps have a step of their own: they are asked for
through clients of their own, and botocore's session must not make two clients at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from orderctl.auth.binding import origin_of
from orderctl.auth.models import AuthStatus, Flow
from orderctl.clock import Clock
from orderctl.config.resolve import Environment
from orderctl.config.schema import KEYS
from orderctl.doctor import findings
from orderctl.doctor.bounded import Check, run, single
from orderctl.doctor.judging import judgements
from orderctl.doctor.models import Caller, Finding, Outcome, Status, ok, skipped
from orderctl.doctor.permissions import READS
from orderctl.doctor.ports import Probes
from orderctl.errors import AuthError, OrderctlError

RESOURCES = tuple(key.path.removeprefix("resources.") for key in KEYS if key.path.startswith("resources."))
BY_HTTP = ("users_api_url", "orders_api_url", "user_pool_id")


@dataclass(frozen=True, slots=True)
class Patient:
    """What is examined. The callables may ask AWS and raise; they are called in threads."""

    environment: Environment
    config_path: str
    region: Callable[[], str | None]
    discovered: Callable[[], Mapping[str, str]]
    """All resources by name, the stack's included."""
    sign_in: Callable[[], AuthStatus]
    flow: Flow
    taps: Callable[[], Iterable[tuple[str, bool]]]
    """Temporary rules of `events tail` by name, and whether a killed run left them."""


class Examination:
    """One look at everything; `seconds` bounds each of its steps."""

    def __init__(self, patient: Patient, probes: Probes, clock: Clock, *, seconds: float) -> None:
        self._patient = patient
        self._probes = probes
        self._clock = clock
        self._seconds = seconds
        self._caller: Caller | None = None
        self._region: str | None = None
        self._found: Mapping[str, str] = {}

    def run(self) -> Iterator[Finding]:
        """Every finding, in a fixed order."""
        environment = self._patient.environment
        yield Finding("config", environment.name, Status.OK, self._patient.config_path)
        credentials = next(iter(self._run(single("credentials", "aws", self._credentials))))
        yield credentials
        is_refused = credentials.status is Status.FAIL and credentials.exit_code == AuthError.exit_code
        yield from self._run(*self._pins())
        yield from self._run(single("stack", environment.text("stack") or "none", self._stack(is_refused)))
        no_aws = "no usable AWS credentials" if is_refused else None
        yield from self._run(single("event taps", "account", _aws(no_aws, self._taps)))
        yield from self._run(*self._everything_else(no_aws))

    def _run(self, *checks: Check) -> Iterator[Finding]:
        return run(checks, self._clock, seconds=self._seconds)

    def _credentials(self) -> Outcome:
        self._caller = self._probes.caller()
        return ok(self._caller.arn)

    def _pins(self) -> Iterator[Check]:
        environment, caller = self._patient.environment, self._caller
        unknown = skipped("nobody could be asked whose credentials these are")
        yield single("account", "aws", lambda: findings.account(environment, caller) if caller else unknown)
        yield single("region", "aws", self._in_region)
        yield single("clock", "this machine", lambda: findings.clock(caller) if caller else unknown)

    def _in_region(self) -> Outcome:
        self._region = self._patient.region()
        return findings.region(self._patient.environment, self._region)

    def _stack(self, is_refused: bool) -> Callable[[], Outcome]:
        named = {
            name: str(setting.value)
            for name in RESOURCES
            if (setting := self._patient.environment.settings.get(f"resources.{name}")) is not None
        }

        def look() -> Outcome:
            self._found = named
            if self._patient.environment.text("stack") is None:
                return skipped("the environment names none; its resources are named one by one")
            if is_refused:
                return skipped("no usable AWS credentials")
            self._found = self._patient.discovered()
            return ok(f"{len(self._found)} resources known")

        return look

    def _everything_else(self, no_aws: str | None) -> Iterator[Check]:
        yield from (self._resource(name, no_aws) for name in RESOURCES)
        yield from (self._read(action, name, no_aws) for action, name in READS)
        yield from self._judgements(no_aws)
        yield single("sign-in", self._patient.environment.name, partial(self._sign_in, no_aws))
        yield single("quotas", "account", _aws(no_aws, self._quotas))

    def _resource(self, name: str, no_aws: str | None) -> Check:
        value = self._found.get(name)
        if value is None:
            return single("resource", name, lambda: skipped("the environment names none"))
        if name in BY_HTTP:
            return single("resource", name, lambda: self._by_http(name, value))
        return single("resource", name, _aws(no_aws, lambda: self._described(name, value)))

    def _described(self, name: str, value: str) -> Outcome:
        told = self._probes.resource(name, value)
        return skipped(f"{value}: there is no way to look at it") if told is None else ok(told)

    def _by_http(self, name: str, value: str) -> Outcome:
        if name != "user_pool_id" and self._patient.flow is not Flow.NONE:
            origin_of(value, is_local=self._patient.environment.is_local)
        if name == "users_api_url":
            status = self._probes.http_status(f"{value.rstrip('/')}/users/orderctl-doctor")
            return findings.users_api(status, self._patient.flow)
        if name == "orders_api_url":
            return findings.answers(self._probes.http_status(f"{value.rstrip('/')}/orders"))
        status = self._probes.user_pool_status(value)
        hint = "check user_pool_id and region"
        return ok(value) if status == 200 else Outcome(Status.FAIL, f"no such user pool ({status})", hint, 1)

    def _read(self, action: str, name: str | None, no_aws: str | None) -> Check:
        resource = None if name is None else self._found.get(name)
        if name is not None and resource is None:
            return single("permission", action, lambda: skipped(f"the environment names no {name}"))

        def look() -> Outcome:
            self._probes.read(action, resource)
            return ok("tried")

        return single("permission", action, _aws(no_aws, look))

    def _judgements(self, no_aws: str | None) -> Iterator[Check]:
        is_local = self._patient.environment.is_local
        why_not = no_aws or ("the embedded stack checks no permission" if is_local else None)
        return judgements(self._probes, self._found, self._caller, self._region or "", why_not=why_not)

    def _sign_in(self, no_aws: str | None) -> Outcome:
        """Who is signed in where may be written in the stack, which cannot be read without credentials."""
        try:
            return findings.sign_in(self._patient.sign_in(), self._clock.now())
        except AuthError:
            if no_aws is None:
                raise
            return skipped(no_aws)

    def _taps(self) -> Outcome:
        return findings.taps(self._patient.taps())

    def _quotas(self) -> Outcome:
        try:
            return findings.quotas(self._probes.quotas())
        except OrderctlError as error:
            return skipped(f"not readable: {error.message}")


def _aws(no_aws: str | None, look: Callable[[], Outcome]) -> Callable[[], Outcome]:
    return look if no_aws is None else lambda: skipped(no_aws)
