"""Who these credentials are: asked once a command, before the first change."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from orderctl.aws.errors import aws_call

if TYPE_CHECKING:
    from types_boto3_sts.client import STSClient


class CallerIdentity:
    """STS GetCallerIdentity, which needs no permission."""

    def __init__(self, client: STSClient) -> None:
        self._client = client

    def account(self) -> str:
        """The 12-digit account id."""
        return self._answer[0]

    def arn(self) -> str:
        """The principal's ARN."""
        return self._answer[1]

    @cached_property
    def _answer(self) -> tuple[str, str]:
        with aws_call("sts", "GetCallerIdentity"):
            answer = self._client.get_caller_identity()
        return answer["Account"], answer["Arn"]
