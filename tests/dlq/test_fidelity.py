"""What goes in comes out: every byte of a message survives export and restore, and a redrive.

Few examples of many messages each: about ten thousand messages altogether, all through the real adapters.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from orderctl.dlq.models import Kind, Wire, Wiring
from orderctl.dlq.plan import Order
from tests.dlq.test_restore import put_back, whole_fifo
from tests.dlq.world import World
from tests.fakes.sqs.message import Message

MESSAGES = 350
KEPT = ("body", "attributes", "trace_header", "group_id")
quick = settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
"""Not shrunk: an example is hundreds of messages, and the assertion names the one that differs."""

characters = st.characters(exclude_categories=["Cs"]).filter(
    lambda c: c in "\t\n\r" or ("\x20" <= c <= "\ufffd") or c > "\uffff"
)
texts = st.text(characters, min_size=1, max_size=40)
numbers = st.from_regex(r"-?(0|[1-9][0-9]{0,15})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)
names = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,20}(\.[a-z0-9]{1,8})?", fullmatch=True).filter(
    lambda name: not name.lower().startswith(("aws", "amazon"))
)
suffixes = st.sampled_from(["", ".int", ".json", ".\u00e9t\u00e9", ".a.b"])


def typed(kind: str, field: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(lambda suffix, value: {"DataType": kind + suffix, field: value}, suffixes, values)


attributes = st.dictionaries(
    names,
    st.one_of(
        typed("String", "StringValue", texts),
        typed("Number", "StringValue", numbers),
        typed("Binary", "BinaryValue", st.binary(min_size=1, max_size=64)),
    ),
    max_size=4,
)
groups = st.from_regex(r"[!-~]{1,20}", fullmatch=True)
traces = st.none() | st.from_regex(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}(;Sampled=[01])?", fullmatch=True)


@dataclass(frozen=True)
class Parts:
    """What hypothesis draws; messages are put together from it, as drawing hundreds would be all the time there is."""

    bodies: list[str]
    attributes: list[dict[str, dict[str, Any]]]
    groups: list[str]
    traces: list[str | None]
    seed: int

    def messages(self, count: int) -> list[dict[str, Any]]:
        dice = Random(self.seed)
        found = []
        for number in range(count):
            params: dict[str, Any] = {
                "MessageBody": f"{dice.choice(self.bodies)}{number}{dice.choice(self.bodies)}",
                "MessageAttributes": self._attributes(dice),
                "MessageGroupId": f"{dice.choice(self.groups)}{number % 20}",
            }
            header = dice.choice(self.traces)
            if header is not None:
                params["MessageSystemAttributes"] = {"AWSTraceHeader": {"DataType": "String", "StringValue": header}}
            found.append(params)
        return found

    def _attributes(self, dice: Random) -> dict[str, dict[str, Any]]:
        found = dict(dice.choice(self.attributes))
        found["blob"] = {"DataType": "Binary.blob", "BinaryValue": dice.randbytes(dice.randint(1, 64))}
        found["count"] = {"DataType": "Number", "StringValue": f"{dice.getrandbits(60)}.{dice.getrandbits(20)}0"}
        return found


parts = st.builds(
    Parts,
    bodies=st.lists(texts, min_size=1, max_size=4),
    attributes=st.lists(attributes, min_size=1, max_size=3),
    groups=st.lists(groups, min_size=1, max_size=2),
    traces=st.lists(traces, min_size=1, max_size=2),
    seed=st.integers(0, 2**32),
)


def seed(world: World, given_: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for params in given_:
        extra = {name: value for name, value in params.items() if name != "MessageBody" and value != {}}
        world.aws.sqs.seed(world.dlq, params["MessageBody"], source=world.source, **extra)
    return [kept(message) for message in world.dlq.messages.values()]


def kept(message: Message) -> dict[str, Any]:
    found = {name: getattr(message, name) for name in KEPT}
    found["body"] = found["body"].encode()
    return found


def in_order(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(found, key=lambda message: message["body"])


def by_group(found: list[dict[str, Any]]) -> dict[str, list[bytes]]:
    lanes: dict[str, list[bytes]] = {}
    for message in found:
        lanes.setdefault(message["group_id"], []).append(message["body"])
    return lanes


@quick
@given(drawn=parts, fifo=st.booleans())
def test_export_and_restore_change_no_byte(drawn: Parts, fifo: bool) -> None:
    with TemporaryDirectory() as folder:
        world = World(Path(folder), fifo=fifo)
        before = seed(world, drawn.messages(MESSAGES))
        path = whole_fifo(world, Path(folder))
        assert world.left() == []
        report = put_back(world, path)
        after = [kept(message) for message in world.dlq.messages.values()]
        assert (len(report.restored), report.failed) == (MESSAGES, {})
        assert in_order(after) == in_order(before)
        assert not fifo or by_group(after) == by_group(before)


@quick
@given(drawn=parts, fifo=st.booleans())
def test_a_redrive_changes_no_byte(drawn: Parts, fifo: bool) -> None:
    with TemporaryDirectory() as folder:
        world = World(Path(folder), fifo=fifo)
        before = seed(world, drawn.messages(MESSAGES))
        tally = world.redrive(Order(concurrency=1))
        after = [kept(message) for message in world.source.messages.values()]
        assert (len(tally.delivered), tally.kept, tally.refused) == (MESSAGES, {}, {})
        assert in_order(after) == in_order(before)
        assert not fifo or by_group(after) == by_group(before)


blanks = st.sampled_from(["", " ", "\n\t", "  "])
number_texts = st.one_of(
    numbers,
    st.sampled_from(["0.10", "1E400", "-0", "9007199254740993", "1e-7", "123456789012345678901234567890.5", "10.00"]),
)
scalars = st.one_of(number_texts, texts.map(json.dumps), st.sampled_from(["true", "null", '"\\u00e9\\/"']))
payload_texts = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.builds(lambda items, blank: f"[{blank}{f',{blank}'.join(items)}]", st.lists(inner, max_size=4), blanks),
        st.builds(
            lambda items, blank: "{" + f"{blank},".join(f'"k{n}"{blank}:{v}' for n, v in enumerate(items)) + "}",
            st.lists(inner, max_size=4),
            blanks,
        ),
    ),
    max_leaves=12,
)


@quick
@given(payloads=st.lists(payload_texts, min_size=4, max_size=8), blank=blanks)
def test_a_recorded_payload_reaches_the_function_as_the_text_it_was(payloads: list[str], blank: str) -> None:
    """Many copies of each, told apart by a number."""
    with TemporaryDirectory() as folder:
        world = World(Path(folder))
        function = world.aws.lambda_.create("process-order")
        world.wiring = Wiring((Wire(Kind.ON_FAILURE, world.dlq.arn, function.arn, function.arn),))
        sent = [f'{{"n":{n}{blank},"p":{payloads[n % len(payloads)]}}}' for n in range(280)]
        for number, payload in enumerate(sent):
            context = {
                "functionArn": f"{function.arn}:$LATEST",
                "condition": "RetriesExhausted",
                "requestId": f"r{number}",
            }
            record = f'{{"requestContext":{json.dumps(context)},"requestPayload":{blank}{payload}{blank}}}'
            world.aws.sqs.seed(world.dlq, record)
        tally = world.redrive(Order(concurrency=1))
        assert tally.refused == {}
        assert sorted(world.aws.lambda_.payloads("process-order")) == sorted(text.encode() for text in sent)
