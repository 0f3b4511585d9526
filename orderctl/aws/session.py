"""One lazily made botocore session, and one client per service and way of calling it.

Retries, timeouts and endpoints are explicit because botocore's defaults changed under us (the retry mode
became `standard` in 1.44) and because some calls must never be retried by the SDK: a lost reply of
SendMessageBatch or StartSyncExecution would silently do the work twice. Those ask for `attempts=1`.

botocore's session and clients are used as they are: boto3 puts resources and S3 transfers on top, which nobody
here needs, for 15 ms of imports a command.

Two of botocore's habits are corrected here: it ignores `AWS_REGION`, and under a custom endpoint it still
puts `sync-` or `stream-` in front of the host (`inject_host_prefix`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TextIO, overload

from orderctl import __version__
from orderctl.config.resolve import Environment
from orderctl.importing import undisturbed

if TYPE_CHECKING:
    from botocore.credentials import ReadOnlyCredentials
    from types_boto3_cloudformation.client import CloudFormationClient
    from types_boto3_cognito_idp.client import CognitoIdentityProviderClient
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_events.client import EventBridgeClient
    from types_boto3_lambda.client import LambdaClient
    from types_boto3_logs.client import CloudWatchLogsClient
    from types_boto3_s3.client import S3Client
    from types_boto3_scheduler.client import EventBridgeSchedulerClient
    from types_boto3_sns.client import SNSClient
    from types_boto3_sqs.client import SQSClient
    from types_boto3_stepfunctions.client import SFNClient
    from types_boto3_sts.client import STSClient

CONNECT_TIMEOUT = 5
"""Seconds. An endpoint that does not accept a connection in five is not there."""
READ_TIMEOUT = 60
"""Seconds, botocore's own default: the longest long poll is 20."""
BUILT_BY_US = frozenset({"sqs", "dynamodb"})
"""Services whose requests are not checked against the model before they are sent.

The adapters build them field by field, thousands in a run, and their tests check every one; a request is one
JSON document, so nothing that is wrong in it can change where it goes. It stays on where a value stands in the
URL (Lambda, S3, API Gateway). Saves about a tenth of a bulk run's CPU.
"""
LOCAL_CREDENTIALS = ("local", "local")
"""The embedded stack checks no signature unless asked to; these are no secret."""


class Aws:
    """Where every adapter gets its client. Making one opens no connection."""

    def __init__(self, environment: Environment, environ: Mapping[str, str], *, debug: TextIO | None = None) -> None:
        self._environment = environment
        self._environ = environ
        self._debug = debug
        self._clients: dict[tuple[str, int, int, bool], Any] = {}
        self._made: Any = None
        self._lock = threading.RLock()

    @property
    def region(self) -> str | None:
        """The Region in force: flag, variable, file, or the profile's own."""
        return self._environment.text("region") or self._session().get_config_variable("region")

    @overload
    def client(self, service: Literal["sqs"], *, attempts: int = ..., read_timeout: int = ...) -> SQSClient: ...
    @overload
    def client(
        self, service: Literal["stepfunctions"], *, attempts: int = ..., read_timeout: int = ...
    ) -> SFNClient: ...
    @overload
    def client(
        self, service: Literal["events"], *, attempts: int = ..., read_timeout: int = ...
    ) -> EventBridgeClient: ...
    @overload
    def client(self, service: Literal["lambda"], *, attempts: int = ..., read_timeout: int = ...) -> LambdaClient: ...
    @overload
    def client(
        self, service: Literal["logs"], *, attempts: int = ..., read_timeout: int = ...
    ) -> CloudWatchLogsClient: ...
    @overload
    def client(
        self, service: Literal["dynamodb"], *, attempts: int = ..., read_timeout: int = ...
    ) -> DynamoDBClient: ...
    @overload
    def client(self, service: Literal["sns"], *, attempts: int = ..., read_timeout: int = ...) -> SNSClient: ...
    @overload
    def client(self, service: Literal["s3"], *, attempts: int = ..., read_timeout: int = ...) -> S3Client: ...
    @overload
    def client(self, service: Literal["sts"], *, attempts: int = ..., read_timeout: int = ...) -> STSClient: ...
    @overload
    def client(
        self, service: Literal["cloudformation"], *, attempts: int = ..., read_timeout: int = ...
    ) -> CloudFormationClient: ...
    @overload
    def client(
        self, service: Literal["scheduler"], *, attempts: int = ..., read_timeout: int = ...
    ) -> EventBridgeSchedulerClient: ...
    @overload
    def client(
        self, service: Literal["cognito-idp"], *, attempts: int = ..., read_timeout: int = ..., unsigned: bool = ...
    ) -> CognitoIdentityProviderClient: ...
    @overload
    def client(self, service: str, *, attempts: int = ..., read_timeout: int = ..., unsigned: bool = ...) -> Any: ...

    def client(
        self, service: str, *, attempts: int = 4, read_timeout: int = READ_TIMEOUT, unsigned: bool = False
    ) -> Any:
        """The client for `service`: one for each way of calling it, made when it is first used.

        `attempts` counts all tries: 1 for calls that are not idempotent. `unsigned` needs no credentials
        (Cognito's sign-in calls). Raises what `aws_call` translates: missing profile, Region or credentials.
        """
        key = (service, attempts, read_timeout, unsigned)
        with self._lock:
            if key not in self._clients:
                late = Late(lambda: self._made_alone(service, attempts, read_timeout, unsigned))
                self._clients[key] = self._hastened(late, repeats=attempts > 1) if service == "sqs" else late
            return self._clients[key]

    def _hastened(self, late: Late, *, repeats: bool) -> Any:
        """With the short way for calls made by the thousand; not with `--debug`, which the client's hooks tell."""
        from orderctl.aws.direct import Direct

        return late if self._debug is not None else Direct(late, self._signing, repeats=repeats)

    def _signing(self) -> ReadOnlyCredentials | None:
        found = self._session().get_credentials()
        return None if found is None else found.get_frozen_credentials()

    def _made_alone(self, service: str, attempts: int, read_timeout: int, unsigned: bool) -> Any:
        with self._lock, undisturbed():  # botocore's session makes one client at a time
            return self._make(service, attempts, read_timeout, unsigned)

    def credentials(self) -> ReadOnlyCredentials:
        """The credentials in force, fresh enough to sign one request with: ask again for the next.

        `.access_key`, `.secret_key` and `.token` (or None), as botocore's signers take them. Raises AuthError
        where there are none, or where they cannot be had (a profile that does not exist, a sign-in that ended).
        """
        from botocore.exceptions import NoCredentialsError

        from orderctl.aws.errors import aws_call

        with self._lock, aws_call("credentials", "load"):
            found = self._session().get_credentials()
            if found is None:
                raise NoCredentialsError()
            return found.get_frozen_credentials()  # type: ignore[no-any-return]

    def _make(self, service: str, attempts: int, read_timeout: int, unsigned: bool) -> Any:
        from orderctl.aws.errors import aws_call

        endpoint = self._environment.text("endpoint_url")
        with aws_call(service, "connect"):
            session = self._session()

            def made(*, is_aws: bool) -> Any:
                config = self._config(service, attempts, read_timeout, unsigned, is_aws=is_aws)
                return session.create_client(service, region_name=self.region, endpoint_url=endpoint, config=config)

            client = made(is_aws=endpoint is None)
            if endpoint is None and not is_aws(client.meta.endpoint_url):  # AWS_ENDPOINT_URL_SQS, or a profile's own
                return made(is_aws=False)
            return client

    def _config(self, service: str, attempts: int, read_timeout: int, unsigned: bool, *, is_aws: bool) -> Any:
        from botocore import UNSIGNED
        from botocore.config import Config

        is_local = self._environment.is_local
        more: dict[str, Any] = {"signature_version": UNSIGNED} if unsigned else {}
        if is_local:
            more["proxies"] = {}  # what is said to this machine is not sent through another
        return Config(
            retries={"mode": "standard", "total_max_attempts": min(attempts, 2) if is_local else attempts},
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=read_timeout,
            max_pool_connections=32,
            inject_host_prefix=is_aws,
            parameter_validation=service not in BUILT_BY_US,
            user_agent=self._session().user_agent(),  # as one text: botocore puts it together anew for each request
            user_agent_extra=f"orderctl/{__version__}",
            **more,
        )

    def _session(self) -> Any:
        if self._made is None:
            from orderctl.aws.errors import aws_call

            with aws_call("credentials", "load"):
                self._made = self._new_session()
            if self._debug is not None:
                trace_calls(self._made, self._debug)
        return self._made

    def _new_session(self) -> Any:
        from botocore.session import Session

        from orderctl.aws.loader import hasten
        from orderctl.aws.role_cache import keep_roles

        if self._environment.is_local:
            session: Any = Session(session_vars={"profile": (None, None, None, None)})
            session.set_credentials(*LOCAL_CREDENTIALS)
        else:
            session = Session(profile=self._environment.text("profile"))
            keep_roles(session, self._environment.text("region") or session.get_config_variable("region"))
        hasten(session.get_component("data_loader"))
        return session


class Late:
    """A client that is made when something is first asked of it: many a command never uses its second one."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.__make = make
        self.__lock = threading.Lock()
        self.__client: Any = None

    def __getattr__(self, name: str) -> Any:
        with self.__lock:
            if self.__client is None:
                self.__client = self.__make()
        return getattr(self.__client, name)


def is_aws(url: str) -> bool:
    """Is it one of AWS's own hosts, in whichever partition, or somebody's override?"""
    from urllib.parse import urlsplit

    host = urlsplit(url).hostname or ""
    return ".amazonaws." in host or host.endswith((".aws", ".ic.gov", ".sgov.gov", ".adc-e.uk", ".hci.ic.gov"))


def trace_calls(session: Any, err: TextIO) -> None:
    """`--debug`: one line an AWS call with status and request id. Never a parameter, header or body."""

    def after(http_response: Any, parsed: Any, model: Any, **_: object) -> None:
        request_id = parsed.get("ResponseMetadata", {}).get("RequestId", "-")
        service = model.service_model.service_name
        err.write(f"debug: {service} {model.name}: {http_response.status_code} {request_id}\n")

    session.register("after-call", after)
