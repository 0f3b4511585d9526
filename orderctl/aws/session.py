"""One lazily made boto3 session, and one client per service and way of calling it.

Retries, timeouts and endpoints are explicit because botocore's defaults changed under us (the retry mode
became `standard` in 1.44) and because some calls must never be retried by the SDK: a lost reply of
SendMessageBatch or StartSyncExecution would silently do the work twice. Those ask for `attempts=1`.

Two of botocore's habits are corrected here: it ignores `AWS_REGION`, and under a custom endpoint it still
puts `sync-` or `stream-` in front of the host (`inject_host_prefix`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TextIO, overload

from orderctl import __version__
from orderctl.config.resolve import Environment

if TYPE_CHECKING:
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

    @property
    def region(self) -> str | None:
        """The Region in force: flag, variable, file, or the profile's own."""
        return self._environment.text("region") or self._session().region_name

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
        """The client for `service`, made once for each way of calling it.

        `attempts` counts all tries: 1 for calls that are not idempotent. `unsigned` needs no credentials
        (Cognito's sign-in calls). Raises what `aws_call` translates: missing profile, Region or credentials.
        """
        key = (service, attempts, read_timeout, unsigned)
        if key not in self._clients:
            self._clients[key] = self._make(service, attempts, read_timeout, unsigned)
        return self._clients[key]

    def _make(self, service: str, attempts: int, read_timeout: int, unsigned: bool) -> Any:
        from orderctl.aws.errors import aws_call

        endpoint = self._environment.text("endpoint_url")
        config = self._config(attempts, read_timeout, unsigned, is_aws=endpoint is None)
        with aws_call(service, "connect"):
            session = self._session()
            client = session.client(service, region_name=self.region, endpoint_url=endpoint, config=config)
            if endpoint is None and not _is_aws(client.meta.endpoint_url):  # AWS_ENDPOINT_URL_SQS, or a profile's own
                config = self._config(attempts, read_timeout, unsigned, is_aws=False)
                client = session.client(service, region_name=self.region, config=config)
            return client

    def _config(self, attempts: int, read_timeout: int, unsigned: bool, *, is_aws: bool) -> Any:
        from botocore import UNSIGNED
        from botocore.config import Config

        is_local = self._environment.is_local
        return Config(
            retries={"mode": "standard", "total_max_attempts": min(attempts, 2) if is_local else attempts},
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=read_timeout,
            max_pool_connections=32,
            inject_host_prefix=is_aws,
            user_agent_extra=f"orderctl/{__version__}",
            **({"signature_version": UNSIGNED} if unsigned else {}),
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
        import boto3
        import botocore.session

        if not self._environment.is_local:
            return boto3.Session(profile_name=self._environment.text("profile"))
        key, secret = LOCAL_CREDENTIALS
        unaware = botocore.session.Session(session_vars={"profile": (None, None, None, None)})
        return boto3.Session(aws_access_key_id=key, aws_secret_access_key=secret, botocore_session=unaware)


def _is_aws(url: str) -> bool:
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

    session.events.register("after-call", after)
