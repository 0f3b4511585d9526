"""Which log group a Lambda function writes to: its own by name, unless it was given another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orderctl.aws.errors import aws_call

if TYPE_CHECKING:
    from types_boto3_lambda.client import LambdaClient


class LambdaGroups:
    """Asks Lambda once a function."""

    def __init__(self, client: LambdaClient) -> None:
        self._client: Any = client
        self._known: dict[str, str] = {}

    def log_group(self, function: str) -> str:
        """`LoggingConfig.LogGroup`, or the name Lambda gives where there is none."""
        if function not in self._known:
            with aws_call("lambda", "GetFunctionConfiguration", subject=f"function {function}"):
                said = self._client.get_function_configuration(FunctionName=function)
            configured = (said.get("LoggingConfig") or {}).get("LogGroup")
            self._known[function] = configured or f"/aws/lambda/{said['FunctionName']}"
        return self._known[function]
