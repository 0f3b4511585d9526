"""Every key config.toml may hold: its type, the variable that overrides it, the stack output that finds it.

One table for reading, checking, `config set`, `config show --origin` and the generated documentation. It is
checked by hand rather than by pydantic because it is on the path of every command, and the errors have to
name a line.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """One key of `[env.NAME]`, by its dotted path below the environment."""

    path: str
    kind: type = str
    variables: tuple[str, ...] = ()
    output: str | None = None
    choices: tuple[str, ...] = ()
    default: object = None
    help: str = ""


def _resource(name: str, output: str, help_text: str) -> Key:
    return Key(f"resources.{name}", str, (f"ORDERCTL_{name.upper()}",), output, help=help_text)


KEYS: tuple[Key, ...] = (
    Key("profile", variables=("AWS_PROFILE",), help="AWS credentials profile; boto3's own chain follows it"),
    Key("region", variables=("AWS_REGION", "AWS_DEFAULT_REGION"), help="AWS Region"),
    Key("endpoint_url", variables=("AWS_ENDPOINT_URL",), help="endpoint for every AWS service"),
    Key("account_id", help="12 digits; changing commands stop with exit 7 in any other account"),
    Key("protected", bool, default=False, help="changing commands need --confirm NAME"),
    Key("local", bool, default=False, help="the embedded stack: fixed local credentials, AWS_* variables ignored"),
    Key("stack", variables=("ORDERCTL_STACK",), help="CloudFormation stack the resources are discovered from"),
    _resource("state_machine", "StateMachineArn", "Standard order state machine (ARN)"),
    _resource("express_state_machine", "ExpressStateMachineArn", "Express order state machine (ARN)"),
    _resource("bulk_state_machine", "BulkStateMachineArn", "state machine of --engine distributed (ARN)"),
    _resource("bulk_bucket", "BulkBucketName", "S3 bucket of --engine distributed"),
    _resource("event_bus", "EventBusName", "EventBridge event bus (name or ARN)"),
    _resource("event_archive", "EventArchiveName", "EventBridge archive for replay"),
    _resource("users_api_url", "UsersApiUrl", "base URL of the users REST API"),
    _resource("orders_api_url", "OrdersApiUrl", "base URL of the orders HTTP API"),
    _resource("inventory_table", "InventoryTableName", "DynamoDB table of stock"),
    _resource("users_table", "UsersTableName", "DynamoDB table of users"),
    _resource("orders_table", "OrdersTableName", "DynamoDB table orders are recorded in when their stock is taken"),
    _resource("function_log_group", "FunctionLogGroupName", "log group the functions share, where they share one"),
    _resource("user_pool_id", "UserPoolId", "Cognito user pool"),
    _resource("notification_topic", "NotificationTopicArn", "SNS topic orders are announced on"),
    _resource("express_log_group", "ExpressLogGroupName", "log group of the Express state machine"),
    _resource("analytics_queue", "AnalyticsQueueUrl", "SQS queue fed by the event bus"),
    Key(
        "resources.import_bucket",
        variables=("ORDERCTL_IMPORT_BUCKET",),
        help="S3 bucket for inventory seed --via-import; default: the artifact bucket of stack deploy",
    ),
    Key(
        "auth.flow",
        variables=("ORDERCTL_AUTH_FLOW",),
        choices=("srp", "password", "client-credentials", "pkce", "iam", "none"),
        default="srp",
        help="how to sign in to the APIs",
    ),
    Key(
        "auth.client_id",
        variables=("ORDERCTL_CLIENT_ID",),
        output="UserPoolClientId",
        help="Cognito app client; its secret comes from ORDERCTL_CLIENT_SECRET or ORDERCTL_CLIENT_SECRET_FILE",
    ),
    Key("auth.username", variables=("ORDERCTL_USERNAME",), help="default for auth login --username"),
    Key("auth.token_use", choices=("id", "access"), default="id", help="which token the users API wants"),
    Key("auth.token_url", help="https://DOMAIN of the user pool, for client-credentials and pkce"),
    Key(
        "auth.store",
        choices=("file", "keyring"),
        default="file",
        help="where sign-ins are kept; keyring needs the extra orderctl[keyring]",
    ),
    Key("auth.scopes", help="space-separated scopes asked for at the token endpoint"),
    Key(
        "auth.redirect_ports",
        help="loopback ports of the app client's callback URLs http://127.0.0.1:PORT/callback, for pkce; "
        "without it 18181, 18182 and 18183",
    ),
    Key("audit.event_bus", help="event bus (name or ARN) that is told of every change as well"),
)

BY_PATH: dict[str, Key] = {key.path: key for key in KEYS}
TOP_LEVEL: tuple[str, ...] = ("default_env", "env")
TABLES: tuple[str, ...] = ("resources", "auth", "audit")
KIND_WORDS: dict[type, str] = {str: "a string", bool: "true or false", int: "a whole number"}
