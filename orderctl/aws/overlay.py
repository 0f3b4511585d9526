"""The embedded emulator's API Gateway, EventBridge and Lambda behind `orderctl.stack.overlay.OverlayApis`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderctl.aws.errors import aws_call
from orderctl.errors import ConflictError, NotFoundError
from orderctl.stack.models import Cors

if TYPE_CHECKING:
    from orderctl.aws.session import Aws

NAME = "orderctl"
"""What the overlay calls the model and the validator it makes, to find them again."""


class AwsOverlayApis:
    """What the overlay makes, made; each call looks first, so a second one changes nothing."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    def validate_body(self, rest_api_id: str, path: str, method: str, schema: str) -> None:
        """Model and validator, then the method put again with both; it keeps authoriser and integration.

        PutMethod and not UpdateMethod, because the emulator's patch does not know `application~1json`.
        """
        self._ensure_model(rest_api_id, schema)
        validator = self._validator(rest_api_id)
        gateway = self._aws.client("apigateway")
        place = {
            "restApiId": rest_api_id,
            "resourceId": self._resource(rest_api_id, path),
            "httpMethod": method,
        }
        with aws_call("apigateway", "PutMethod", subject=f"{method} {path}"):
            now = gateway.get_method(**place)
            if now.get("requestValidatorId") == validator:
                return
            gateway.put_method(
                **place,
                authorizationType=now["authorizationType"],
                authorizerId=now["authorizerId"],
                requestValidatorId=validator,
                requestModels={"application/json": NAME},
            )
            integration = now["methodIntegration"]
            gateway.put_integration(
                **place,
                type=integration["type"],
                integrationHttpMethod=integration["httpMethod"],
                uri=integration["uri"],
            )

    def allow_origins(self, http_api_id: str, cors: Cors) -> None:
        """UpdateApi replaces the whole CORS configuration."""
        with aws_call("apigatewayv2", "UpdateApi", subject=f"API {http_api_id}"):
            self._aws.client("apigatewayv2").update_api(
                ApiId=http_api_id,
                CorsConfiguration={
                    "AllowOrigins": list(cors.origins),
                    "AllowMethods": list(cors.methods),
                    "AllowHeaders": list(cors.headers),
                    "MaxAge": cors.max_age,
                },
            )

    def ensure_archive(self, name: str, bus_arn: str, pattern: str, retention_days: int) -> None:
        """CreateArchive, which refuses a name that is taken: then it is there."""
        try:
            with aws_call("events", "CreateArchive", subject=f"archive {name}"):
                self._aws.client("events").create_archive(
                    ArchiveName=name, EventSourceArn=bus_arn, EventPattern=pattern, RetentionDays=retention_days
                )
        except ConflictError:
            return

    def follow_latest(self, function: str, alias: str) -> None:
        """UpdateAlias, the same each time."""
        with aws_call("lambda", "UpdateAlias", subject=f"function {function}"):
            self._aws.client("lambda").update_alias(FunctionName=function, Name=alias, FunctionVersion="$LATEST")

    def set_dead_letter_queue(self, function: str, queue_url: str) -> None:
        """UpdateFunctionConfiguration, the same each time; the emulator drops the setting CloudFormation makes."""
        with aws_call("sqs", "GetQueueAttributes", subject=f"queue {queue_url}"):
            said = self._aws.client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
        with aws_call("lambda", "UpdateFunctionConfiguration", subject=f"function {function}"):
            self._aws.client("lambda").update_function_configuration(
                FunctionName=function, DeadLetterConfig={"TargetArn": said["Attributes"]["QueueArn"]}
            )

    def _ensure_model(self, rest_api_id: str, schema: str) -> None:
        gateway = self._aws.client("apigateway")
        with aws_call("apigateway", "GetModels"):
            names = [model["name"] for model in gateway.get_models(restApiId=rest_api_id)["items"]]
        if NAME in names:
            change = [{"op": "replace", "path": "/schema", "value": schema}]
            with aws_call("apigateway", "UpdateModel"):
                gateway.update_model(restApiId=rest_api_id, modelName=NAME, patchOperations=change)
            return
        with aws_call("apigateway", "CreateModel"):
            gateway.create_model(restApiId=rest_api_id, name=NAME, contentType="application/json", schema=schema)

    def _validator(self, rest_api_id: str) -> str:
        gateway = self._aws.client("apigateway")
        with aws_call("apigateway", "GetRequestValidators"):
            there = gateway.get_request_validators(restApiId=rest_api_id)["items"]
        for validator in there:
            if validator["name"] == NAME:
                return str(validator["id"])
        with aws_call("apigateway", "CreateRequestValidator"):
            made = gateway.create_request_validator(restApiId=rest_api_id, name=NAME, validateRequestBody=True)
        return str(made["id"])

    def _resource(self, rest_api_id: str, path: str) -> str:
        with aws_call("apigateway", "GetResources"):
            resources = self._aws.client("apigateway").get_resources(restApiId=rest_api_id, limit=500)["items"]
        for resource in resources:
            if resource.get("path") == path:
                return str(resource["id"])
        raise NotFoundError(f"the REST API {rest_api_id} has no {path}")
