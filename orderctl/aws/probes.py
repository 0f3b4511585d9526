"""The questions of `orderctl doctor`, each one call that changes nothing, once, with short timeouts.

A read on an execution is tried on one that does not exist: AWS checks the permission before it looks, so "does not
exist" is a yes. What the emulator or an account does not know is an error like any other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from orderctl.aws.errors import aws_call
from orderctl.aws.probe_calls import READS, RESOURCES
from orderctl.clock import Clock
from orderctl.doctor.models import CONCURRENCY, Caller, Quota
from orderctl.errors import AuthError, NotFoundError, OrderctlError, UnreachableError

if TYPE_CHECKING:
    from orderctl.aws.session import Aws

READ_SECONDS = 8


class AwsProbes:
    """`orderctl.doctor.ports.Probes` over one session. Safe to use from many threads."""

    def __init__(
        self,
        aws: Aws,
        clock: Clock,
        *,
        ca_bundle: str | None = None,
        better_hint: Callable[[OrderctlError], str | None] = lambda error: None,
    ) -> None:
        self._aws = aws
        self._better_hint = better_hint
        self._clock = clock
        self._ca_bundle = ca_bundle
        self._making = threading.Lock()

    def caller(self) -> Caller:
        """STS GetCallerIdentity; a sign-in that ended is told with the command that renews it."""
        try:
            return self._caller()
        except OrderctlError as error:
            command = self._better_hint(error)
            if command is None:
                raise
            raise AuthError(error.message, hint=command, aws=error.aws) from error

    def _caller(self) -> Caller:
        """The answer's Date header is held against the middle of the call."""
        client = self._client("sts")
        before = self._clock.now()
        with aws_call("sts", "GetCallerIdentity"):
            answer = client.get_caller_identity()
        middle = before + (self._clock.now() - before) / 2
        return Caller(answer["Account"], answer["Arn"], _skew(answer, middle))

    def resource(self, name: str, value: str) -> str | None:
        """Describe one resource; None where there is no call for it."""
        describe = RESOURCES.get(name)
        if describe is None:
            return None
        parameters = describe.parameters(value)
        answer = self._call(describe.service, describe.operation, parameters, subject=f"{name} {value}")
        return describe.told(answer, value)

    def read(self, action: str, resource: str | None) -> None:
        """Make one small read."""
        read = READS[action]
        try:
            self._call(read.service, action.rpartition(":")[2], read.parameters(resource or "", self._clock.now()))
        except NotFoundError:
            if not read.is_on_nobody:
                raise

    def allowed(self, caller: Caller, actions: Sequence[str], arn: str) -> Mapping[str, bool]:
        """SimulatePrincipalPolicy for the user or role behind the credentials; the root user may do anything.

        An action is left out where its policy depends on what only the call itself brings (`events:source`).
        """
        if caller.arn.endswith(":root"):
            return dict.fromkeys(actions, True)
        asked = {"PolicySourceArn": self._principal(caller), "ActionNames": list(actions), "ResourceArns": [arn]}
        answer = self._call("iam", "SimulatePrincipalPolicy", asked)
        judged = [each for each in answer["EvaluationResults"] if _is_judged(each)]
        return {each["EvalActionName"]: each["EvalDecision"] == "allowed" for each in judged}

    def http_status(self, url: str) -> int:
        """GET, without a token, a redirect or a second try."""
        import urllib3

        from orderctl.aws.certificates import trusting

        pool = urllib3.PoolManager(ssl_context=trusting(self._ca_bundle))
        try:
            timeout = urllib3.Timeout(connect=5.0, read=READ_SECONDS)
            return int(pool.request("GET", url, redirect=False, retries=False, timeout=timeout).status)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            reason = getattr(error, "reason", None) or error
            raise UnreachableError(
                f"no answer: {str(reason).split('(Caused by')[0][:200]}", hint="check the URL and the network"
            ) from error

    def user_pool_status(self, pool_id: str) -> int:
        """The pool's public keys, which anybody may read."""
        with self._making:
            client = self._aws.client("cognito-idp", attempts=1, read_timeout=READ_SECONDS, unsigned=True)
        return self.http_status(f"{client.meta.endpoint_url}/{pool_id}/.well-known/jwks.json")

    def quotas(self) -> list[Quota]:
        """Lambda's concurrency and, where Service Quotas may be read, what Step Functions names by its calls."""
        limits = self._call("lambda", "GetAccountSettings", {})["AccountLimit"]
        found = [Quota(CONCURRENCY, float(limits["ConcurrentExecutions"]))]
        try:
            listed = self._call("service-quotas", "ListServiceQuotas", {"ServiceCode": "states", "MaxResults": 100})
        except OrderctlError:
            return found
        wanted = ("StartExecution", "GetExecutionHistory")
        names = [each for each in listed.get("Quotas", []) if any(word in each["QuotaName"] for word in wanted)]
        return found + [Quota(f"states {each['QuotaName']}", float(each["Value"])) for each in names]

    def _call(self, service: str, operation: str, parameters: Mapping[str, Any], subject: str | None = None) -> Any:
        from botocore import xform_name

        client = self._client(service)
        with aws_call(service, operation, subject=subject):
            return getattr(client, xform_name(operation))(**parameters)

    def _client(self, service: str) -> Any:
        """botocore's session must not be asked for two clients at a time."""
        with self._making:
            return self._aws.client(service, attempts=1, read_timeout=READ_SECONDS)

    def _principal(self, caller: Caller) -> str:
        """An assumed role's session is judged by its role, whose path only IAM knows."""
        parts = caller.arn.split(":")
        if not parts[5].startswith("assumed-role/"):
            return caller.arn
        role = parts[5].split("/")[1]
        try:
            return str(self._call("iam", "GetRole", {"RoleName": role})["Role"]["Arn"])
        except OrderctlError:
            return f"arn:{parts[1]}:iam::{parts[4]}:role/{role}"


def _is_judged(result: Any) -> bool:
    return result["EvalDecision"] == "allowed" or not result.get("MissingContextValues")


def _skew(answer: Any, ours: datetime) -> float | None:
    from email.utils import parsedate_to_datetime

    try:
        theirs = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
        return (ours - theirs).total_seconds()
    except (KeyError, ValueError, TypeError):
        return None
