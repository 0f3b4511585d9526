"""The template is one AWS takes, and has none of the faults the published designs of this system have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from orderctl.stack import overlay
from orderctl.stack.deploy import TEMPLATE_BODY_LIMIT
from orderctl.stack.package import FUNCTIONS, HERE, TEMPLATE, build
from tests.stack.translated import parsed, resources, translated

FIXED_OUTPUTS = {
    "StateMachineArn",
    "ExpressStateMachineArn",
    "EventBusName",
    "EventArchiveName",
    "UsersApiUrl",
    "OrdersApiUrl",
    "InventoryTableName",
    "UsersTableName",
    "UserPoolId",
    "UserPoolClientId",
    "NotificationTopicArn",
    "ExpressLogGroupName",
    "AnalyticsQueueUrl",
}
ASYNC_CONSUMERS = ("ProcessOrder", "SendEmail")


def properties(name: str) -> dict[str, Any]:
    found: dict[str, Any] = translated()["Resources"][name]["Properties"]
    return found


def targets() -> dict[str, dict[str, Any]]:
    return {target["Id"]: target for target in properties("OrderCreatedRule")["Targets"]}


def arn_of(node: dict[str, Any]) -> str:
    """The logical id an `Arn` attribute belongs to."""
    name, attribute = node["Fn::GetAtt"]
    assert attribute == "Arn"
    return str(name)


def senders(queue: str) -> list[tuple[str, object]]:
    """Who may send to the queue, and on whose behalf, by its queue policies."""
    return [
        (statement["Principal"]["Service"], statement["Condition"]["ArnEquals"]["aws:SourceArn"])
        for policy in resources("AWS::SQS::QueuePolicy").values()
        if policy["Queues"] == [{"Ref": queue}]
        for statement in policy["PolicyDocument"]["Statement"]
        if arn_of(statement["Resource"]) == queue and statement["Action"] == "sqs:SendMessage"
    ]


def statements(node: object) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if "Effect" in node and "Action" in node:
            yield node
        for value in node.values():
            yield from statements(value)
    elif isinstance(node, list):
        for value in node:
            yield from statements(value)


def test_cfn_lint_finds_nothing() -> None:
    from cfnlint.api import ManualArgs, lint

    regions = ["eu-central-1", "us-east-1", "ap-northeast-1"]
    assert lint(TEMPLATE.read_text(), config=ManualArgs(regions=regions)) == []


def test_the_sam_transform_takes_it_and_leaves_only_plain_resources() -> None:
    types = {resource["Type"] for resource in translated()["Resources"].values()}
    assert len(translated()["Resources"]) > 80
    assert not [kind for kind in types if kind.startswith("AWS::Serverless::")]


def test_it_can_be_sent_as_a_template_body() -> None:
    assert len(TEMPLATE.read_bytes()) <= TEMPLATE_BODY_LIMIT


def test_it_has_the_outputs_discovery_reads() -> None:
    assert parsed()["Outputs"].keys() >= FIXED_OUTPUTS


def test_only_the_artifacts_and_their_bucket_have_to_be_said() -> None:
    required = {name for name, parameter in parsed()["Parameters"].items() if "Default" not in parameter}
    assert required == {"ArtifactBucket", *build().parameters}


def test_every_parameter_is_used() -> None:
    template = TEMPLATE.read_text()
    for name in parsed()["Parameters"]:
        assert re.search(rf"(!Ref {name}\b|\${{{name}}}|\[{name}\])", template), name


def test_nothing_local_reaches_a_deployment_to_aws() -> None:
    assert parsed()["Parameters"]["Local"]["Default"] == "false"
    assert parsed()["Parameters"]["AllowFaultInjection"]["Default"] == "false"
    assert parsed()["Parameters"]["EventBusName"]["Default"] == "orders"


def test_01_to_03_stock_is_one_conditional_write_see_test_state_machines() -> None:
    definition = (HERE / "state_machines" / "order.asl.json").read_text()
    assert "quantity >= :ordered" in definition
    assert "NumericGreaterThan" not in definition


def test_07_no_account_and_no_region_is_written_down() -> None:
    template = TEMPLATE.read_text()
    assert re.findall(r"arn:aws:(?!states:::)|\b\d{12}\b|ap-northeast|us-east", template) == []


@pytest.mark.parametrize("function", ASYNC_CONSUMERS)
def test_08_a_failed_asynchronous_invocation_ends_in_a_queue_it_may_send_to(function: str) -> None:
    config = properties(f"{function}EventInvokeConfig")
    queue = arn_of(config["DestinationConfig"]["OnFailure"]["Destination"])
    allowed = [s for s in statements(properties(f"{function}Role")) if "sqs:SendMessage" in s["Action"]]
    assert queue in [arn_of(statement["Resource"]) for statement in allowed]
    assert (config["MaximumEventAgeInSeconds"], config["MaximumRetryAttempts"]) == (300, 2)


def test_08_process_order_has_a_dead_letter_queue_too_and_tells_of_success() -> None:
    assert arn_of(properties("ProcessOrder")["DeadLetterConfig"]["TargetArn"]) == "ProcessOrderDlq"
    destinations = properties("ProcessOrderEventInvokeConfig")["DestinationConfig"]
    assert destinations["OnFailure"] == {"Destination": {"Fn::GetAtt": ["OrderFailures", "Arn"]}}
    assert destinations["OnSuccess"] == {"Destination": {"Ref": "OrderStartedTopic"}}


def test_09_and_10_every_http_route_has_the_jwt_authoriser_and_asks_for_no_scope() -> None:
    authorizer = properties("OrdersHttpApiAuthorizer")
    assert authorizer["IdentitySource"] == ["$request.header.Authorization"]
    assert authorizer["JwtConfiguration"]["Audience"] == [{"Ref": "UserPoolClient"}]
    routes = resources("AWS::ApiGatewayV2::Route").values()
    assert sorted(route["RouteKey"] for route in routes) == ["POST /orders", "POST /process"]
    for route in routes:
        assert route["AuthorizationType"] == "JWT"
        assert route["AuthorizerId"] == {"Ref": "OrdersHttpApiAuthorizer"}
        assert "AuthorizationScopes" not in route


def test_11_the_payload_format_is_the_one_the_resolver_reads() -> None:
    formats = {each["PayloadFormatVersion"] for each in resources("AWS::ApiGatewayV2::Integration").values()}
    assert formats == {"2.0"}
    for module in ("orders_api", "process_api"):
        assert "APIGatewayHttpResolver()" in (HERE / "functions" / f"{module}.py").read_text()
    assert "APIGatewayRestResolver()" in (HERE / "functions" / "users_api.py").read_text()


def test_12_express_logs_everything_and_may_deliver_its_logs() -> None:
    logging = properties("ExpressOrderWorkflow")["LoggingConfiguration"]
    assert (logging["Level"], logging["IncludeExecutionData"]) == ("ALL", True)
    assert properties("ExpressLogs")["LogGroupName"] == {"Fn::Sub": "/aws/vendedlogs/states/${AWS::StackName}-express"}
    actions = {action for each in statements(properties("ExpressOrderWorkflowRole")) for action in each["Action"]}
    assert {"logs:CreateLogDelivery", "logs:PutResourcePolicy", "logs:DescribeLogGroups"} <= actions


@pytest.mark.parametrize("machine", ["OrderWorkflow", "ExpressOrderWorkflow"])
def test_12_both_workflows_may_do_what_the_definition_does_and_no_more(machine: str) -> None:
    assert {"Ref": "OrderWorkflowPolicy"} in properties(f"{machine}Role")["ManagedPolicyArns"]
    assert properties(machine)["TracingConfiguration"] == {"Enabled": True}
    for statement in statements(properties("OrderWorkflowPolicy")):
        assert statement["Resource"] != "*"


def test_13_the_express_workflow_answers_with_its_result_to_those_signed_in() -> None:
    called = [s for s in statements(properties("ProcessApiRole")) if s["Action"] == "states:StartSyncExecution"]
    assert [statement["Resource"] for statement in called] == [{"Ref": "ExpressOrderWorkflow"}]
    assert properties("ProcessApi")["Timeout"] < properties("ProcessApiIntegration")["TimeoutInMillis"] / 1000


def test_14_the_rest_api_is_regional_deployed_and_may_call_its_function() -> None:
    body = properties("UsersRestApi")["Body"]
    assert {path: sorted(methods) for path, methods in body["paths"].items()} == {
        "/users": ["post"],
        "/users/{user_id}": ["get"],
    }
    assert properties("UsersRestApi")["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    stages = resources("AWS::ApiGateway::Stage")
    assert [stage["StageName"] for stage in stages.values()] == ["v1"]
    permitted = [
        p for p in resources("AWS::Lambda::Permission").values() if p["FunctionName"] == {"Ref": "UsersApiAliaslive"}
    ]
    assert len(permitted) == 2


def test_14_the_validator_has_a_model_to_validate_with() -> None:
    body = properties("UsersRestApi")["Body"]
    post = body["paths"]["/users"]["post"]
    assert body["x-amazon-apigateway-request-validators"][post["x-amazon-apigateway-request-validator"]] == {
        "validateRequestBody": True,
        "validateRequestParameters": False,
    }
    assert post["parameters"][0]["schema"] == {"$ref": "#/definitions/createuser"}
    assert body["definitions"]["createuser"]["required"] == ["user_id", "email", "name"]


def test_15_every_rest_method_has_the_user_pool_authoriser_without_scopes() -> None:
    body = properties("UsersRestApi")["Body"]
    for methods in body["paths"].values():
        for method in methods.values():
            assert method["security"] == [{"UserPoolAuthorizer": []}]
    authorizer = body["securityDefinitions"]["UserPoolAuthorizer"]["x-amazon-apigateway-authorizer"]
    assert authorizer == {"type": "cognito_user_pools", "providerARNs": [{"Fn::GetAtt": ["UserPool", "Arn"]}]}


@pytest.mark.parametrize("logical_id", [key.removesuffix("Key") for key in FUNCTIONS])
def test_15_a_function_has_every_environment_variable_it_reads(logical_id: str) -> None:
    source = (HERE / "functions" / f"{FUNCTIONS[logical_id + 'Key']}.py").read_text()
    read = set(re.findall(r'environ(?:\.get\(|\[)"(\w+)"', source))
    given = properties(logical_id)["Environment"]["Variables"]
    assert read <= given.keys()
    assert properties(logical_id)["Handler"] == f"{FUNCTIONS[logical_id + 'Key']}.handler"


def test_18_every_target_has_a_retry_policy_and_a_dead_letter_queue_of_its_own_it_may_write_to() -> None:
    queues = [arn_of(target["DeadLetterConfig"]["Arn"]) for target in targets().values()]
    assert len(set(queues)) == 3
    for queue in queues:
        assert senders(queue) == [("events.amazonaws.com", {"Fn::GetAtt": ["OrderCreatedRule", "Arn"]})]
        assert "FifoQueue" not in properties(queue)
    assert all(target["RetryPolicy"]["MaximumRetryAttempts"] > 0 for target in targets().values())


@pytest.mark.parametrize("function", ASYNC_CONSUMERS)
def test_18_the_rule_may_invoke_its_functions(function: str) -> None:
    assert arn_of(targets()[function]["Arn"]) == function
    assert properties(f"{function}Permission") == {
        "Action": "lambda:InvokeFunction",
        "FunctionName": {"Ref": function},
        "Principal": "events.amazonaws.com",
        "SourceArn": {"Fn::GetAtt": ["OrderCreatedRule", "Arn"]},
    }


def test_18_the_rule_may_send_to_the_analytics_queue() -> None:
    assert arn_of(targets()["Analytics"]["Arn"]) == "AnalyticsQueue"
    assert senders("AnalyticsQueue") == [("events.amazonaws.com", {"Fn::GetAtt": ["OrderCreatedRule", "Arn"]})]


def test_18_the_notification_subscription_has_a_dead_letter_queue_it_may_write_to() -> None:
    dead = properties("NotificationSubscription")["RedrivePolicy"]["deadLetterTargetArn"]
    assert senders(arn_of(dead)) == [("sns.amazonaws.com", {"Ref": "NotificationTopic"})]
    assert senders("NotificationQueue") == [("sns.amazonaws.com", {"Ref": "NotificationTopic"})]


def test_19_the_analytics_queue_is_fifo_from_end_to_end() -> None:
    assert targets()["Analytics"]["SqsParameters"] == {"MessageGroupId": "orders"}
    queue, dead = properties("AnalyticsQueue"), properties("AnalyticsDlq")
    assert queue["FifoQueue"]
    assert queue["ContentBasedDeduplication"]
    assert dead["FifoQueue"]
    assert arn_of(queue["RedrivePolicy"]["deadLetterTargetArn"]) == "AnalyticsDlq"
    consumer = next(iter(resources("AWS::Lambda::EventSourceMapping").values()))
    assert consumer["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert queue["VisibilityTimeout"]["Fn::If"][2] >= 6 * properties("Analytics")["Timeout"]


@pytest.mark.parametrize("function", ASYNC_CONSUMERS)
def test_20_every_retry_fits_into_the_age_of_an_event_with_room_for_throttling(function: str) -> None:
    config = properties(f"{function}EventInvokeConfig")
    attempts = 1 + config["MaximumRetryAttempts"]
    waits = [60, 120][: config["MaximumRetryAttempts"]]
    needed = attempts * properties(function)["Timeout"] + sum(waits)
    assert config["MaximumEventAgeInSeconds"] - needed >= 60


def test_21_every_function_runs_a_current_python_with_powertools_and_the_shared_code_as_layers() -> None:
    common = next(name for name in translated()["Resources"] if name.startswith("CommonLayer"))
    for function in resources("AWS::Lambda::Function").values():
        assert function["Runtime"] == {"Fn::If": ["IsLocal", "provided.al2023", "python3.13"]}
        powertools, shared = function["Layers"]
        assert powertools["Fn::If"][2] == "{{resolve:ssm:/aws/service/powertools/python/arm64/python3.13/3.22.1}}"
        assert shared == {"Ref": common}
        assert function["Architectures"] == ["arm64"]
        assert function["TracingConfig"] == {"Mode": "Active"}


def test_no_role_may_do_everything_and_a_star_is_explained() -> None:
    starred = [
        (name, statement["Action"])
        for kind in ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy")
        for name, role in resources(kind).items()
        for statement in statements(role)
        if statement.get("Resource") == "*"
    ]
    names = [name for name, _ in starred]
    assert sorted(names) == ["ExpressOrderWorkflowRole", "SendEmailRole"]
    assert not [
        action
        for _, actions in starred
        for action in ([actions] if isinstance(actions, str) else actions)
        if "*" in action
    ]


def test_every_dead_letter_queue_and_both_workflows_raise_alarms() -> None:
    watched = {
        dimension["Value"]["Fn::GetAtt"][0]
        for alarm in resources("AWS::CloudWatch::Alarm").values()
        for dimension in alarm["Dimensions"]
        if "Fn::GetAtt" in dimension["Value"]
    }
    working = {"AnalyticsQueue", "NotificationQueue"}
    assert watched - {"AnalyticsQueue"} == resources("AWS::SQS::Queue").keys() - working
    executions = [a for a in resources("AWS::CloudWatch::Alarm").values() if a["Namespace"] == "AWS/States"]
    assert {a["Dimensions"][0]["Value"]["Ref"] for a in executions} == {"OrderWorkflow", "ExpressOrderWorkflow"}
    assert {a["MetricName"] for a in executions} == {"ExecutionsFailed", "ExecutionsTimedOut"}
    assert all(a["AlarmActions"] == [{"Ref": "AlarmTopic"}] for a in resources("AWS::CloudWatch::Alarm").values())


def test_every_log_group_keeps_its_logs_for_a_time_and_every_function_has_one() -> None:
    assert all(
        group["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in resources("AWS::Logs::LogGroup").values()
    )
    for function in resources("AWS::Lambda::Function").values():
        assert function["LoggingConfig"] == {"LogFormat": "JSON", "LogGroup": {"Ref": "FunctionLogs"}}


def test_provisioned_concurrency_is_off_unless_asked_for() -> None:
    assert parsed()["Parameters"]["ProvisionedConcurrency"]["Default"] == 0
    assert properties("UsersApiAliaslive")["ProvisionedConcurrencyConfig"]["Fn::If"][0] == "HasProvisionedConcurrency"


def test_dead_letters_are_kept_as_long_as_sqs_can() -> None:
    dead = resources("AWS::SQS::Queue").keys() - {"AnalyticsQueue", "NotificationQueue"}
    assert {properties(queue)["MessageRetentionPeriod"] for queue in dead} == {1209600}


def test_every_queue_has_a_name_people_can_type() -> None:
    for queue in resources("AWS::SQS::Queue").values():
        assert re.fullmatch(r"\$\{AWS::StackName\}-[a-z-]+(\.fifo)?", queue["QueueName"]["Fn::Sub"])


def test_the_archive_keeps_what_the_api_publishes_and_only_on_aws() -> None:
    archive = translated()["Resources"]["OrdersArchive"]
    assert archive["Condition"] == "IsAws"
    assert archive["Properties"]["EventPattern"] == overlay.ARCHIVE_PATTERN
    assert archive["Properties"]["ArchiveName"] == parsed()["Outputs"]["EventArchiveName"]["Value"]
    assert parsed()["Parameters"]["ArchiveRetentionDays"]["Default"] == overlay.ARCHIVE_RETENTION_DAYS


def test_the_overlay_says_what_the_template_says() -> None:
    template = json.loads(json.dumps(parsed()["Resources"]["UsersRestApi"]["Properties"]["Models"]["CreateUser"]))
    assert template == overlay.CREATE_USER_SCHEMA
    cors = parsed()["Resources"]["OrdersHttpApi"]["Properties"]["CorsConfiguration"]
    said = overlay.Cors()
    assert list(said.methods) == cors["AllowMethods"]
    assert list(said.headers) == cors["AllowHeaders"]
    assert said.max_age == cors["MaxAge"]
    assert ",".join(said.origins) == parsed()["Parameters"]["AllowedOrigins"]["Default"]


def test_the_local_parameters_are_parameters_of_the_template() -> None:
    assert overlay.parameters("http://127.0.0.1:1/").keys() <= parsed()["Parameters"].keys()
    assert overlay.parameters("http://127.0.0.1:1/")["LocalEndpoint"] == "http://127.0.0.1:1"
