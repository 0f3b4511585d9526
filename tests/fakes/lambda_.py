"""Lambda as a delivery target and as wiring: asynchronous invokes are recorded, the rest is data a test sets up.

Invoke(InvocationType=Event) answers 202 and records function, qualifier and the payload's bytes as they came. The
function may be given as name, `name:qualifier` or any ARN form, as on AWS. Throttling and denial are scripted with the
faults, or per function with `throttled`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.fakes.sqs.effects import throttled
from tests.fakes.sqs.errors import AwsError, Json, unknown_operation
from tests.fakes.sqs.ledger import Ledger
from tests.fakes.sqs.waiting import AnyClock


@dataclass(frozen=True, slots=True)
class Invocation:
    """One accepted invoke."""

    function: str
    qualifier: str | None
    payload: bytes
    kind: str


@dataclass
class Function:
    """A function's wiring. Keys are those of the API; `invoke_configs` maps a qualifier to its configuration."""

    name: str
    arn: str
    dead_letter_arn: str | None = None
    versions: list[str] = field(default_factory=lambda: ["$LATEST"])
    aliases: dict[str, str] = field(default_factory=dict)
    invoke_configs: dict[str, Json] = field(default_factory=dict)
    reserved_concurrency: int | None = None
    throttled: bool = False
    result: bytes = b"null"

    def on_failure(self, destination_arn: str, qualifier: str = "$LATEST") -> None:
        """Set an on-failure destination on the function, a version or an alias."""
        config = {"DestinationConfig": {"OnFailure": {"Destination": destination_arn}}}
        self.invoke_configs[qualifier] = config

    def configuration(self, version: str = "$LATEST") -> Json:
        arn = self.arn if version == "$LATEST" else f"{self.arn}:{version}"
        answer: Json = {"FunctionName": self.name, "FunctionArn": arn, "Runtime": "python3.13", "Version": version}
        answer |= {"State": "Active", "Timeout": 30, "LastModified": "2026-11-22T03:00:00.000+0000"}
        return answer | ({"DeadLetterConfig": {"TargetArn": self.dead_letter_arn}} if self.dead_letter_arn else {})


class FakeLambda:
    """Functions by name, invocations in order, event source mappings as the API lists them."""

    def __init__(self, clock: AnyClock, region: str, account: str, ledger: Ledger) -> None:
        self._clock, self._ledger = clock, ledger
        self._prefix = f"arn:aws:lambda:{region}:{account}:function:"
        self.functions: dict[str, Function] = {}
        self.invocations: list[Invocation] = []
        self.mappings: list[Json] = []
        self.page_size = 50

    def create(self, name: str, *, dead_letter_arn: str | None = None) -> Function:
        function = Function(name, self._prefix + name, dead_letter_arn)
        self.functions[name] = function
        return function

    def map_queue(self, queue_arn: str, function: Function, **fields: object) -> None:
        """An event source mapping from a queue (or stream) to a function."""
        mapping: Json = {"UUID": f"mapping-{len(self.mappings)}", "EventSourceArn": queue_arn, "State": "Enabled"}
        self.mappings.append({**mapping, "FunctionArn": function.arn, "BatchSize": 10, **fields})

    def payloads(self, name: str) -> list[bytes]:
        """What one function was invoked with, in order."""
        return [each.payload for each in self.invocations if each.function == name]

    def call(self, operation: str, params: Json) -> Json:
        actions: dict[str, Callable[[Json], Json]] = {
            "Invoke": self._invoke,
            "GetFunction": self._get,
            "GetFunctionConfiguration": self._configuration,
            "GetFunctionConcurrency": self._concurrency,
            "GetFunctionEventInvokeConfig": self._invoke_config,
            "ListFunctions": self._list,
            "ListFunctionEventInvokeConfigs": self._invoke_configs,
            "ListEventSourceMappings": self._mappings,
            "ListAliases": self._aliases,
            "ListVersionsByFunction": self._versions,
        }
        if operation not in actions:
            raise unknown_operation(operation)
        return actions[operation](params)

    def _find(self, params: Json) -> tuple[Function, str | None]:
        """The function a name or ARN means, and the qualifier in it or beside it."""
        text = str(params["FunctionName"])
        name = text.rpartition(":function:")[2] if ":function:" in text else text
        name, _, inner = name.partition(":")
        qualifier = params.get("Qualifier") or inner or None
        function = self.functions.get(name)
        known = function and qualifier in (None, *function.versions, *function.aliases)
        if function is None or not known:
            arn = self._prefix + name + (f":{qualifier}" if qualifier else "")
            raise AwsError("ResourceNotFoundException", f"Function not found: {arn}", 404)
        return function, qualifier

    def _invoke(self, params: Json) -> Json:
        function, qualifier = self._find(params)
        kind = params.get("InvocationType") or "RequestResponse"
        if kind == "DryRun":
            return {"StatusCode": 204}
        if function.throttled:
            raise throttled("lambda")
        payload = bytes(params.get("Payload") or b"")
        if len(payload) > 1_048_576 and kind == "Event":
            text = f"{len(payload)} byte payload is too large for the Event invocation type (limit 1048576 bytes)"
            raise AwsError("RequestTooLargeException", text, 413)
        self.invocations.append(Invocation(function.name, qualifier, payload, kind))
        at = self._clock.now().timestamp()
        self._ledger.add("delivered", "lambda", function.arn, "", payload.decode("utf-8", "replace"), at)
        if kind == "Event":
            return {"StatusCode": 202}
        return {"StatusCode": 200, "ExecutedVersion": qualifier or "$LATEST", "Payload": function.result}

    def _get(self, params: Json) -> Json:
        answer: Json = {"Configuration": self._configuration(params), "Code": {"RepositoryType": "S3"}}
        return answer | ({"Concurrency": self._concurrency(params)} if self._concurrency(params) else {})

    def _configuration(self, params: Json) -> Json:
        function, qualifier = self._find(params)
        version = function.aliases.get(qualifier or "", qualifier or "$LATEST")
        return function.configuration(version)

    def _concurrency(self, params: Json) -> Json:
        reserved = self._find(params)[0].reserved_concurrency
        return {} if reserved is None else {"ReservedConcurrentExecutions": reserved}

    def _invoke_config(self, params: Json) -> Json:
        function, qualifier = self._find(params)
        config = function.invoke_configs.get(qualifier or "$LATEST")
        if config is None:
            text = f"The function {function.arn}:{qualifier or '$LATEST'} doesn't have an EventInvokeConfig"
            raise AwsError("ResourceNotFoundException", text, 404)
        return {"FunctionArn": f"{function.arn}:{qualifier or '$LATEST'}", **config}

    def _list(self, params: Json) -> Json:
        items = [function.configuration() for _, function in sorted(self.functions.items())]
        return self._page("Functions", items, params)

    def _invoke_configs(self, params: Json) -> Json:
        function, _ = self._find(params)
        items = [{"FunctionArn": f"{function.arn}:{key}", **each} for key, each in function.invoke_configs.items()]
        return self._page("FunctionEventInvokeConfigs", items, params)

    def _mappings(self, params: Json) -> Json:
        items = self.mappings
        if params.get("FunctionName"):
            arn = self._find(params)[0].arn
            items = [each for each in items if each["FunctionArn"].startswith(arn)]
        if source := params.get("EventSourceArn"):
            items = [each for each in items if each["EventSourceArn"] == source]
        return self._page("EventSourceMappings", items, params)

    def _aliases(self, params: Json) -> Json:
        function, _ = self._find(params)
        items: list[Json] = [
            {"AliasArn": f"{function.arn}:{name}", "Name": name, "FunctionVersion": version}
            for name, version in function.aliases.items()
        ]
        return self._page("Aliases", items, params)

    def _versions(self, params: Json) -> Json:
        function, _ = self._find(params)
        return self._page("Versions", [function.configuration(each) for each in function.versions], params)

    def _page(self, key: str, items: list[Json], params: Json) -> Json:
        """Pages of at most `page_size`; NextMarker is the place of the next item."""
        start = int(params.get("Marker") or 0)
        end = start + min(self.page_size, params.get("MaxItems") or self.page_size)
        return {key: items[start:end]} | ({"NextMarker": str(end)} if end < len(items) else {})
