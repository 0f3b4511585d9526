"""What a dead letter is: one message, the wiring that put it there, and what may be done with it.

Kinds, routes and outcomes are types, so that a `match` over them is checked for completeness: a kind that is
added later cannot fall through to somebody else's consumer.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from orderctl.dlq.order_ids import order_id_of
from orderctl.errors import OrderctlError


class Kind(StrEnum):
    """How a dead letter came to lie in its queue; the words of `--kind` and of the JSON."""

    SQS = "sqs"
    LAMBDA_DLQ = "lambda-dlq"
    ON_FAILURE = "on-failure"
    EVENTBRIDGE_TARGET = "eventbridge-target"
    SNS = "sns"
    SCHEDULER = "scheduler"
    STREAM = "stream"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One SQS message attribute. `data_type` is `String`, `Number` or `Binary`, with any `.suffix` kept."""

    data_type: str
    text: str | None = None
    binary: bytes | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message as SQS handed it out. `system` holds SQS's own attributes under SQS's own names."""

    message_id: str
    body: str = field(repr=False)
    attributes: Mapping[str, Attribute] = field(default_factory=dict, repr=False)
    system: Mapping[str, str] = field(default_factory=dict)
    receipt_handle: str = field(default="", repr=False)
    visible_at: float = 0.0
    """Monotonic second at which the receipt handle stops being ours."""

    @property
    def sent_at(self) -> datetime | None:
        """When it was sent; a FIFO queue resets this on the move to its dead-letter queue."""
        milliseconds = self.system.get("SentTimestamp")
        return datetime.fromtimestamp(int(milliseconds) / 1000, UTC) if milliseconds else None

    @property
    def receive_count(self) -> int:
        """How often it was received so far, in the source queue and here."""
        return int(self.system.get("ApproximateReceiveCount", "0"))

    @property
    def source_arn(self) -> str | None:
        """The queue SQS moved it from; SQS sets this itself, a sender cannot."""
        return self.system.get("DeadLetterQueueSourceArn")

    @property
    def group_id(self) -> str | None:
        """The message group id: FIFO order, or fairness on a standard queue."""
        return self.system.get("MessageGroupId")

    @property
    def trace_header(self) -> str | None:
        """The X-Ray trace header, the one system attribute a sender may set."""
        return self.system.get("AWSTraceHeader")


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue and what it says of itself. Counts are approximate and may be a minute old (SQS's words)."""

    url: str
    arn: str
    depth: int = 0
    in_flight: int = 0
    delayed: int = 0
    max_receive_count: int | None = None
    dead_letter_arn: str | None = None
    """Where this queue's own failures go: a dead-letter queue may itself have one."""
    max_message_bytes: int = 1_048_576
    retention_seconds: int = 345_600
    visibility_seconds: int = 30
    as_of: datetime | None = None
    """The service's own clock at the answer: what `SentTimestamp` is compared with, whatever our clock says."""

    @property
    def name(self) -> str:
        """The last part of the ARN."""
        return self.arn.rsplit(":", 1)[-1]

    @property
    def is_fifo(self) -> bool:
        """Does the queue keep order in its groups?"""
        return self.arn.endswith(".fifo")


@dataclass(frozen=True, slots=True)
class Target:
    """The target of an EventBridge rule or a schedule: where, and what it is sent.

    `rule_arn` is the schedule's for a schedule, which has one target and no id for it; `input` is then what the
    schedule sends, for a universal target the parameters of the API it calls.
    """

    rule_arn: str
    target_id: str
    arn: str
    input: str | None = None
    input_path: str | None = None
    input_paths: Mapping[str, str] | None = None
    input_template: str | None = None
    message_group_id: str | None = None
    """`SqsParameters.MessageGroupId`."""
    unsupported: str | None = None
    """Parameters of the target that orderctl cannot reproduce, in words."""


@dataclass(frozen=True, slots=True)
class Wire:
    """One piece of configuration that names a queue as the place for its failures.

    `source` is the ARN of what failed: source queue, function (with its qualifier for on-failure), rule,
    subscription, schedule or event-source mapping. `consumer` is the one the message was meant for.
    """

    kind: Kind
    queue_arn: str
    source: str
    consumer: str
    target: Target | None = None
    topic_arn: str | None = None
    protocol: str | None = None
    raw_delivery: bool = False


@dataclass(frozen=True, slots=True)
class Wiring:
    """Every wire found, and what could not be looked at. `notes` say which permission was missing."""

    wires: tuple[Wire, ...] = ()
    notes: tuple[str, ...] = ()
    blind: frozenset[Kind] = frozenset()
    """Kinds that could not be looked for: a message may be of them without our knowing."""

    def of(self, queue_arn: str, kind: Kind | None = None) -> tuple[Wire, ...]:
        """The wires that lead to a queue, of one kind or of all."""
        return tuple(w for w in self.wires if w.queue_arn == queue_arn and (kind is None or w.kind is kind))

    def queues(self) -> tuple[str, ...]:
        """ARNs of every queue that some wire names, in the order found."""
        return tuple(dict.fromkeys(wire.queue_arn for wire in self.wires))


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a message lies here, as far as the message says."""

    error: str | None = None
    cause: str | None = None
    attempts: int | None = None
    request_id: str | None = None
    trace_id: str | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message, told apart: its kind, the wire that agrees with it, and the payload its consumer missed.

    `refusal` says why it must not be redriven; then `wire` may be None. `payload` is the text the consumer's
    event is made from: never parsed and written again unless somebody edits it.
    """

    message: Message
    queue_arn: str
    kind: Kind
    wire: Wire | None = None
    payload: str = field(default="", repr=False)
    failure: Failure = Failure()
    refusal: str | None = None
    is_by_wiring_alone: bool = False
    sent: str = field(default="", repr=False)
    """What its function is sent, where that is not the payload as it stands."""

    @property
    def order_id(self) -> str | None:
        """The order it is about, where the payload says; read anew each time, and no run needs it."""
        return order_id_of(self.payload)

    @property
    def digest(self) -> str | None:
        """Stands for the payload where nothing else links a letter that failed again to the one delivered.

        None for SQS letters and for records with a request id: their ids tell, and two messages of the same
        text are two messages.
        """
        return None if self._is_known_by_id else _digest(self.payload)

    @property
    def digests(self) -> tuple[str, ...]:
        """The same, and that of what was delivered in its place: an edited payload, or one a rule transformed."""
        if self._is_known_by_id:
            return ()
        return (_digest(self.payload), *([_digest(self.sent)] if self.sent else []))

    @property
    def _is_known_by_id(self) -> bool:
        return self.kind is Kind.SQS or bool(self.failure.request_id)

    @property
    def source(self) -> str | None:
        """The ARN of what failed, where it is known."""
        return self.wire.source if self.wire else self.message.source_arn


def _digest(payload: str) -> str:
    """Whatever wrote it anew may have spaced it anew: white space between the tokens of JSON does not count."""
    is_json = payload.lstrip()[:1] in ("{", "[")
    text = _SPACE.sub(lambda found: found[1] or "", payload) if is_json else payload
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


_SPACE = re.compile(r'("[^"\\]*+(?:\\.[^"\\]*+)*+\\?(?:"|\Z))|[ \t\r\n]++', re.DOTALL)
"""A string, to its end or that of the text, so that no body whatever makes this slow; or white space."""


@dataclass(frozen=True, slots=True)
class ToQueue:
    """Send to one queue, attributes, group and trace header kept. `group_id` and `deduplication_id` for FIFO."""

    arn: str
    body: str = field(repr=False)
    attributes: Mapping[str, Attribute] = field(default_factory=dict, repr=False)
    group_id: str | None = None
    deduplication_id: str | None = None
    trace_header: str | None = None


@dataclass(frozen=True, slots=True)
class ToFunction:
    """Invoke one function asynchronously. `arn` carries the qualifier that was recorded."""

    arn: str
    payload: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ToStateMachine:
    """Start one execution; `name` makes a second start of the same event the same execution (Standard)."""

    arn: str
    name: str
    input: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ToTopic:
    """Publish to one topic that was itself the target of a rule or a schedule; group and deduplication id for FIFO."""

    arn: str
    message: str = field(repr=False)
    subject: str | None = None
    group_id: str | None = None
    deduplication_id: str | None = None


Delivery = ToQueue | ToFunction | ToStateMachine | ToTopic
"""What will be done with one letter: exactly one consumer, never the bus or a topic it only passed through."""


@dataclass(frozen=True, slots=True)
class Redrivable:
    """A letter with the one delivery that puts it where it belongs."""

    letter: DeadLetter
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Refused:
    """A letter that must stay, and why."""

    letter: DeadLetter
    reason: str
    is_unfit: bool = False
    """Is it only that the edits asked for do not fit it? Without them, or with others, it could go."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A delivery that was acknowledged; `new_id` is the message id, request id or execution ARN it became."""

    new_id: str | None = None


@dataclass(frozen=True, slots=True)
class NotSent:
    """A delivery the service refused: it did not take effect. `is_retryable` is the service's own word."""

    reason: str
    is_retryable: bool = False
    is_fatal: bool = False
    """Nothing more can be delivered at all: credentials expired, target gone, access denied."""
    error: OrderctlError | None = None
    """The error the run ends with when it is fatal; its class carries the exit code."""
    is_throttled: bool = field(default=False, compare=False)
    """The service asked for less: the same delivery goes through later, however often it is refused now."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer arrived: the delivery may or may not have taken effect."""

    reason: str


Outcome = Sent | NotSent | Unknown


@dataclass(frozen=True, slots=True)
class Machine:
    """A state machine as a consumer. `status` is ACTIVE or DELETING; the definition is its JSON text."""

    arn: str
    status: str
    definition: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Ended:
    """How an execution ended: SUCCEEDED, FAILED, TIMED_OUT or ABORTED."""

    status: str
    error: str | None = None
    cause: str | None = None
