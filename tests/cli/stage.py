"""Everything any command may want, on one stage: fakes for every service, each writing down who changes it.

It is built once and shared: what is shown on it is that nothing changes. `changes()` names every changing call
that has arrived anywhere, whatever it was made with.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, cast

from orderctl.aws.cloudformation import CloudFormation
from orderctl.context import App
from orderctl.events.models import Target
from orderctl.events.replay import Replay
from orderctl.inventory.models import Stock
from orderctl.top.models import Alarm
from orderctl.top.ports import Trend
from tests.auth.helpers import PASSWORD, pool_with_ada
from tests.cli.support import Outcome, Terminal, new_app, run, write_config
from tests.dlq.world import World
from tests.fakes.clock import START
from tests.fakes.cloudformation import FakeCloudFormation
from tests.fakes.cognito import CLIENT_ID, POOL_ID
from tests.fakes.events import FakeBus, FakeReplays, FakeTaps, delivered, rule
from tests.fakes.executions import EXPRESS, EXPRESS_GROUP, MACHINE, FakeExecutions
from tests.fakes.histories import OUT_OF_STOCK, RETRIED_THEN_FAILED, SUCCEEDED
from tests.fakes.http import Cut, HttpServer, Reply, Request
from tests.fakes.logs import FakeGroups, FakeLogs, FakeRecords, FakeTraces
from tests.fakes.probes import FakeProbes
from tests.fakes.stock import FakeStockTable
from tests.stack.test_deploy import FakeBuckets
from tests.users.backend import UsersBackend

CONFIG = """\
default_env = "prod"
[env.prod]
region = "ap-northeast-1"
account_id = "123456789012"
{protected}
stack = "orders"
[env.prod.resources]
state_machine = "{machine}"
express_state_machine = "{express}"
event_bus = "orders"
event_archive = "orders-archive"
[env.prod.auth]
flow = "none"
[env.local]
local = true
region = "ap-northeast-1"
endpoint_url = "{cognito}"
{protected}
stack = "orders"
[env.local.resources]
users_api_url = "{api}/Prod"
orders_api_url = "{api}"
user_pool_id = "{pool}"
inventory_table = "inventory"
state_machine = "{machine}"
[env.local.auth]
client_id = "{client}"
"""
QUEUES = {"Resources": {"Jobs": {"Type": "AWS::SQS::Queue"}, "Files": {"Type": "AWS::S3::Bucket"}}}
WRITES = ("start", "start_once", "start_sync", "stop", "redrive")


class Stage:
    """The services, and a way to type a command in front of them."""

    def __init__(self, home: Path, cognito: str, api: HttpServer) -> None:
        self.home = home
        self._cognito, self._api = cognito, api.url
        self.world = World(home / "state" / "orderctl")
        self.clock = self.world.clock
        self.world.aws.services["cloudwatch"] = _NoMetrics()
        self._clients: dict[tuple[str, int], Any] = {}
        self.executions = FakeExecutions(self.clock)
        for name, rows in (("good", SUCCEEDED), ("sold-out", OUT_OF_STOCK), ("crashed", RETRIED_THEN_FAILED)):
            self.executions.run(name, rows)
            self.clock.advance(60)
        self.stock = FakeStockTable(Stock("w-1", 3), Stock("w-2", 7), Stock("w-3", 1))
        self.cloud = FakeCloudFormation()
        self.cloud.yaml_means = QUEUES
        self.cloud.add_stack("orders", "CREATE_COMPLETE", QUEUES)
        self.buckets = FakeBuckets()
        self.bus = FakeBus(rule("OrderCreated", {"source": ["orders.api"]}))
        (only,) = self.bus.rules()
        self.bus.targets_of["OrderCreated"] = [Target(only.arn, "SendEmail", "arn:aws:lambda:r:1:function:mail")]
        self.taps = FakeTaps(self.clock, [delivered(1)])
        self.replays = _Replays()
        self.requests: list[Request] = []
        self.users: dict[str, dict[str, object]] = {}
        self.world.aws.events.create_bus("orders")
        self._start_a_move_task()
        self.world.seed(3)

    def _start_a_move_task(self) -> None:
        """On a queue of its own, so slow that it outlives the tests."""
        sqs, policy = self.world.aws.sqs, '{{"deadLetterTargetArn":"{}","maxReceiveCount":"3"}}'
        dlq = sqs.create("slow-dlq")
        source = sqs.create("slow", RedrivePolicy=policy.format(dlq.arn))
        for number in range(200):
            sqs.seed(dlq, f'{{"order_id": "slow-{number}"}}', source=source)
        client = self.world.aws.client("sqs")
        client.start_message_move_task(SourceArn=dlq.arn, MaxNumberOfMessagesPerSecond=1)
        self.world.aws.calls.clear()

    def app(self, *, protected: bool = True, stdin: str = "", terminal: bool = False) -> App:
        """A new App, in the environment `prod` unless the line says `--env local`."""
        said = "protected = true" if protected else ""
        write_config(self.home, CONFIG.format(
            protected=said, machine=MACHINE, express=EXPRESS, cognito=self._cognito, api=self._api, pool=POOL_ID,
            client=CLIENT_ID,
        ))  # fmt: skip
        app: Any = new_app(self.home, stdin=stdin, terminal=terminal, clock=self.clock)
        app.aws, app.stacks = self, _Contents()
        app.executions, app.stock, app.event_taps, app.replays = self.executions, self.stock, self.taps, self.replays
        app.event_buses = lambda name: self.bus
        app.formation = CloudFormation(cast(Any, self.cloud))
        app.buckets = self.buckets
        app.practice = _Practice()
        app.logs, app.function_groups = FakeLogs(self.clock, EXPRESS_GROUP), FakeGroups()
        app.order_records, app.traces = FakeRecords(), FakeTraces()
        app.queue_trends = app.alarms = _CloudWatch()
        app.probes = FakeProbes()
        return cast(App, app)

    def types(self, line: list[str], *, protected: bool = True, stdin: str = "") -> Outcome:
        """Run a command line with no terminal anywhere."""
        app = self.app(protected=protected, stdin=stdin)
        if {"users", "auth"} & set(line):
            del app.aws  # the real one: these speak HTTP to two servers on loopback
        return run(app, *line)

    def types_on_a_terminal(self, line: list[str], answer: str) -> Outcome:
        app = self.app(stdin=answer, terminal=True)
        assert isinstance(app.stdin, Terminal)
        return run(app, *line)

    def changes(self) -> list[str]:
        """Every changing call so far."""
        return [
            *(f"{call.service} {call.operation}" for call in self.world.aws.writes()),
            *(f"stepfunctions {name}" for name, _ in self.executions.calls if name in WRITES),
            *(f"dynamodb {name}" for name in self.stock.writes.elements()),
            *(f"cloudformation {name}" for name in self.cloud.changing_calls()),
            *(f"s3 {name}" for name in self.buckets.changes),
            *(f"events PutEvents {number}" for number in range(self.bus.calls)),
            *(f"events tap {number}" for number in range(self.taps.made)),
            *(f"events replay {each}" for each in (*self.replays.started, *self.replays.cancelled)),
            *(f"users API {each.method} {each.path}" for each in self.requests if each.method != "GET"),
        ]

    # --- what an App asks of `app.aws`

    region = "ap-northeast-1"

    def client(self, service: str, *, attempts: int = 1, **_: object) -> Any:
        key = (service, attempts)
        if key not in self._clients:
            self._clients[key] = self.world.aws.client(service)
        return self._clients[key]


class _Replays(FakeReplays):
    """One more replay, which runs until it is cancelled."""

    def describe(self, name: str) -> Replay:
        if name != "running":
            return super().describe(name)
        return Replay(name, "CANCELLED" if self.cancelled else "RUNNING", START, START)


class _NoMetrics:
    def call(self, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        return {"MetricDataResults": []}


class _CloudWatch:
    """What `top` asks: nothing rises, one alarm is raised."""

    def of(self, names: Sequence[str]) -> Mapping[str, Trend]:
        return {name: Trend((0, 1), 120.0) for name in names}

    def raised(self, prefix: str | None) -> list[Alarm]:
        return [Alarm("orders-alarm", "ALARM", START, "3 >= 1")]


class _Contents:
    """The stack, as discovery asks for it."""

    def outputs(self, stack: str) -> Mapping[str, str]:
        return {}

    def resources(self, stack: str) -> Mapping[str, tuple[str, ...]]:
        return {"AWS::SQS::Queue": ("orders-dlq", "orders")}


class _Practice:
    queue = "orders-local-drills"

    def ensure(self) -> None:
        raise AssertionError("no line here asks for a practice queue")


@contextmanager
def stage(home: Path) -> Iterator[Stage]:
    """A stage whose two HTTP services are up, with somebody signed in to the users API."""
    with ExitStack() as servers:
        clock = World(home / "elsewhere").clock
        pool, backend = pool_with_ada(clock, rotation=True), UsersBackend(clock)
        seen: list[Request] = []

        def users(request: Request) -> Reply | Cut:
            seen.append(request)
            return backend(request)

        cognito = servers.enter_context(HttpServer(pool.reply))
        api = servers.enter_context(HttpServer(users))
        made = Stage(home, cognito.url, api)
        made.requests, made.users = seen, backend.users
        app = made.app(stdin=PASSWORD + "\n")
        del app.aws
        login = run(app, "auth", "login", "--env", "local", "--username", "ada", "--password-stdin")
        assert login.code == 0, login.err
        backend.users["u-1"] = {"user_id": "u-1", "email": "a@example.com", "name": "A"}
        yield made
