"""EventBridge as wiring and as a bus, and its Scheduler: buses, rules, targets and schedules are data.

PutEvents answers 200 with an EventId for a bus that does not exist, and the event is gone (recorded on AWS); so
`dropped` lists those, `put` the others. Nothing is routed to targets, no schedule ever fires.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.fakes.sqs.errors import AwsError, Json, unknown_operation
from tests.fakes.sqs.event_patterns import matches
from tests.fakes.sqs.waiting import AnyClock

PUT_LIMIT_BYTES = 1_048_576


@dataclass
class EventRule:
    """A rule of a bus; `targets` as ListTargetsByRule gives them."""

    name: str
    bus: str
    arn: str
    pattern: str
    state: str = "ENABLED"
    targets: list[Json] = field(default_factory=list)

    def target(self, target_id: str, arn: str, *, dead_letter_arn: str | None = None, **fields: object) -> Json:
        """Add a target; `fields` are Input, InputPath, InputTransformer, SqsParameters..."""
        target: Json = {"Id": target_id, "Arn": arn, **fields}
        if dead_letter_arn is not None:
            target["DeadLetterConfig"] = {"Arn": dead_letter_arn}
        self.targets.append(target)
        return target


class FakeEventBridge:
    """Buses by name with `default` among them, rules in the order they were made."""

    def __init__(self, clock: AnyClock, region: str, account: str) -> None:
        self._clock = clock
        self._prefix = f"arn:aws:events:{region}:{account}"
        self.buses: dict[str, Json] = {}
        self.rules: list[EventRule] = []
        self.put: list[Json] = []
        self.dropped: list[Json] = []
        self.page_size = 100
        self.create_bus("default")

    def create_bus(self, name: str, *, dead_letter_arn: str | None = None) -> str:
        """Add a bus; gives its ARN."""
        arn = f"{self._prefix}:event-bus/{name}"
        self.buses[name] = {"Name": name, "Arn": arn}
        if dead_letter_arn is not None:
            self.buses[name]["DeadLetterConfig"] = {"Arn": dead_letter_arn}
        return arn

    def create_rule(self, name: str, bus: str = "default", pattern: Json | None = None) -> EventRule:
        """Add a rule; its ARN has no bus part on the default bus."""
        path = name if bus == "default" else f"{bus}/{name}"
        rule = EventRule(name, bus, f"{self._prefix}:rule/{path}", json.dumps(pattern or {"source": [{"prefix": ""}]}))
        self.rules.append(rule)
        return rule

    def call(self, operation: str, params: Json) -> Json:
        actions: dict[str, Callable[[Json], Json]] = {
            "ListEventBuses": self._buses,
            "DescribeEventBus": self._describe_bus,
            "ListRules": self._rules,
            "DescribeRule": self._describe_rule,
            "ListTargetsByRule": self._targets,
            "PutEvents": self._put_events,
            "TestEventPattern": self._test_pattern,
        }
        if operation not in actions:
            raise unknown_operation(operation)
        return actions[operation](params)

    def _bus(self, name_or_arn: str | None) -> str:
        name = (name_or_arn or "default").rpartition(":event-bus/")[2]
        if name not in self.buses:
            raise AwsError("ResourceNotFoundException", f"Event bus {name} does not exist.")
        return name

    def _rule(self, bus: str, name: str) -> EventRule:
        for rule in self.rules:
            if (rule.bus, rule.name) == (bus, name):
                return rule
        raise AwsError("ResourceNotFoundException", f"Rule {name} does not exist on EventBus {bus}.")

    def _buses(self, params: Json) -> Json:
        prefix = params.get("NamePrefix") or ""
        found = [bus for name, bus in self.buses.items() if name.startswith(prefix)]
        listed = [{key: value for key, value in bus.items() if key != "DeadLetterConfig"} for bus in found]
        return self._page("EventBuses", listed, params)

    def _describe_bus(self, params: Json) -> Json:
        return self.buses[self._bus(params.get("Name"))]

    def _rules(self, params: Json) -> Json:
        bus, prefix = self._bus(params.get("EventBusName")), params.get("NamePrefix") or ""
        rules = [rule for rule in self.rules if rule.bus == bus and rule.name.startswith(prefix)]
        return self._page("Rules", [_shown(rule) for rule in rules], params)

    def _describe_rule(self, params: Json) -> Json:
        return _shown(self._rule(self._bus(params.get("EventBusName")), params["Name"]))

    def _targets(self, params: Json) -> Json:
        rule = self._rule(self._bus(params.get("EventBusName")), params["Rule"])
        return self._page("Targets", rule.targets, params)

    def _page(self, key: str, items: list[Json], params: Json) -> Json:
        start = int(params.get("NextToken") or 0)
        end = start + min(self.page_size, params.get("Limit") or self.page_size)
        return {key: items[start:end]} | ({"NextToken": str(end)} if end < len(items) else {})

    def _put_events(self, params: Json) -> Json:
        entries = params["Entries"]
        if not 1 <= len(entries) <= 10:
            raise _validation(f"{len(entries)} entries: Member must have length between 1 and 10")
        if sum(_size(entry) for entry in entries) > PUT_LIMIT_BYTES:
            raise _validation("Total size of the entries in the request is over the limit.")
        results = [self._put_event(entry) for entry in entries]
        return {"FailedEntryCount": sum("ErrorCode" in result for result in results), "Entries": results}

    def _put_event(self, entry: Json) -> Json:
        for name in ("Source", "DetailType", "Detail"):
            if not entry.get(name):
                text = f"Parameter {name} is not valid. Reason: {name} is a required argument."
                return {"ErrorCode": "InvalidArgument", "ErrorMessage": text}
        if not _is_object(entry["Detail"]):
            return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
        event_id = str(uuid.uuid4())
        name = (entry.get("EventBusName") or "default").rpartition(":event-bus/")[2]
        (self.put if name in self.buses else self.dropped).append({"EventId": event_id, **entry})
        return {"EventId": event_id}

    def _test_pattern(self, params: Json) -> Json:
        event = json.loads(params["Event"])
        missing = {"id", "account", "source", "time", "region", "resources", "detail-type"} - set(event)
        if missing:
            raise _validation(f"Parameter Event is not valid. Reason: missing {sorted(missing)}.")
        try:
            pattern = json.loads(params["EventPattern"])
        except ValueError as error:
            raise AwsError("InvalidEventPatternException", "Event pattern is not valid.") from error
        return {"Result": matches(pattern, event)}


class FakeScheduler:
    """Schedules by group and name, each with its target as GetSchedule answers it."""

    def __init__(self, clock: AnyClock, region: str, account: str) -> None:
        self._clock = clock
        self._prefix = f"arn:aws:scheduler:{region}:{account}:schedule"
        self.schedules: dict[tuple[str, str], Json] = {}
        self.page_size = 100

    def create(
        self,
        name: str,
        target_arn: str,
        *,
        group: str = "default",
        dead_letter_arn: str | None = None,
        **target: object,
    ) -> Json:
        """Add a schedule; `target` are Input, SqsParameters..."""
        made: Json = {"Arn": target_arn, "RoleArn": "arn:aws:iam::123456789012:role/scheduler", **target}
        if dead_letter_arn is not None:
            made["DeadLetterConfig"] = {"Arn": dead_letter_arn}
        arn = f"{self._prefix}/{group}/{name}"
        self.schedules[group, name] = {"Arn": arn, "GroupName": group, "Name": name, "State": "ENABLED", "Target": made}
        return self.schedules[group, name]

    def call(self, operation: str, params: Json) -> Json:
        if operation == "GetSchedule":
            return self._get(params)
        if operation == "ListSchedules":
            return self._list(params)
        raise unknown_operation(operation)

    def _get(self, params: Json) -> Json:
        found = self.schedules.get((params.get("GroupName") or "default", params["Name"]))
        if found is None:
            raise AwsError("ResourceNotFoundException", f"Schedule {params['Name']} does not exist.", 404)
        return {**found, "CreationDate": self._clock.now(), "ScheduleExpression": "rate(1 hour)"}

    def _list(self, params: Json) -> Json:
        """A summary names the target's ARN alone: the dead-letter queue is in GetSchedule."""
        group, prefix = params.get("GroupName"), params.get("NamePrefix") or ""
        items = [
            {**schedule, "Target": {"Arn": schedule["Target"]["Arn"]}}
            for (of, name), schedule in self.schedules.items()
            if group in (None, of) and name.startswith(prefix)
        ]
        start = int(params.get("NextToken") or 0)
        end = start + min(self.page_size, params.get("MaxResults") or self.page_size)
        return {"Schedules": items[start:end]} | ({"NextToken": str(end)} if end < len(items) else {})


def _shown(rule: EventRule) -> Json:
    fields = {"Name": rule.name, "Arn": rule.arn, "EventPattern": rule.pattern, "State": rule.state}
    return {**fields, "EventBusName": rule.bus}


def _size(entry: Json) -> int:
    """As EventBridge counts: 14 for Time, and the bytes of source, detail-type, detail and resources."""
    texts = [entry.get(name) or "" for name in ("Source", "DetailType", "Detail")] + (entry.get("Resources") or [])
    return sum(len(text.encode()) for text in texts) + (14 if entry.get("Time") else 0)


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _validation(message: str) -> AwsError:
    return AwsError("ValidationException", message)
