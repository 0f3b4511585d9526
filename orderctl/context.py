"""The App: the one object a command is given, and the one place where collaborators are wired.

Everything is made when first touched, so a command that never speaks to AWS never imports boto3. Tests
build an App with their own streams, environment and clock, and set collaborators as plain attributes
before the command runs (`app.queues = FakeQueues()`); nothing is patched.
"""

from __future__ import annotations

import errno
import io
import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from orderctl import paths
from orderctl.clock import Clock, SystemClock
from orderctl.errors import OrderctlError, UsageError

if TYPE_CHECKING:
    from orderctl.audit.counting import Counting
    from orderctl.audit.recorder import Recorder
    from orderctl.audit.trail import Trail
    from orderctl.auth.access import Access
    from orderctl.auth.ports import TokenStore
    from orderctl.aws.api_gateway import ApiGateway
    from orderctl.aws.session import Aws
    from orderctl.aws.sts import CallerIdentity
    from orderctl.completion.memory import Memory
    from orderctl.config.discovery import Discovered, Stacks
    from orderctl.config.file import ConfigFile
    from orderctl.config.resolve import Environment, Setting
    from orderctl.dlq.models import Queue, Wiring
    from orderctl.dlq.move_tasks import MoveTasks
    from orderctl.dlq.overview import Ages
    from orderctl.dlq.ports import Functions, Health, Queues, Rules, Schedules, Starter, Subscriptions
    from orderctl.dlq.purge import Purger
    from orderctl.doctor.ports import Probes
    from orderctl.events.ports import EventBus
    from orderctl.events.replay import Replays
    from orderctl.events.tap import Taps
    from orderctl.inventory.import_ports import TableImports
    from orderctl.inventory.ports import StockTable
    from orderctl.local.models import LocalState
    from orderctl.local.ports import ReferenceStack
    from orderctl.local.up import Parts
    from orderctl.orders.log_models import FunctionGroups, Logs, OrderRecords, Traces
    from orderctl.orders.ports import Executions
    from orderctl.pacing import TokenBuckets
    from orderctl.render.renderer import Renderer
    from orderctl.stack.overlay import OverlayApis
    from orderctl.stack.ports import Buckets as ArtifactBuckets
    from orderctl.stack.ports import Stacks as Formation
    from orderctl.top.ports import Alarms, Trends

_SETTING_FLAGS = ("profile", "region", "endpoint_url")
_WHERE = ("env", "config", *_SETTING_FLAGS)
"""The common options that decide where a command works."""


class _Closed(io.StringIO):
    """Standard output that nobody opened: what is written is lost, and that is an error and no traceback."""

    def write(self, text: str) -> int:
        raise OSError(errno.EBADF, "standard output is closed")


class App:
    """Streams, settings and collaborators of one command."""

    def __init__(
        self, *, environ: Mapping[str, str], stdin: TextIO, out: TextIO, err: TextIO, clock: Clock | None = None
    ) -> None:
        self.environ = environ
        self.stdin = stdin
        self.out = out
        self.err = err
        self.clock: Clock = clock or SystemClock()
        self.options: dict[str, object] = {}
        """The common options as given on the command line, by name."""
        self.resume: str | None = None
        """What to tell somebody who interrupts: the command that goes on from here."""
        self.has_said_goodbye = False
        self.arguments: tuple[str, ...] = ()
        """The command line as it was given."""
        self.change: Recorder | None = None
        """The record of what this command changes, once a guard has let it through."""
        self.counts: Mapping[str, int] | None = None
        """How many of what the command did, for its record; by default what its result says (`counting`)."""

    @classmethod
    def from_process(cls) -> App:
        """The App of this process."""
        stdin = sys.stdin or io.StringIO()  # a stream that is closed from the start is None to Python
        return cls(environ=os.environ, stdin=stdin, out=sys.stdout or _Closed(), err=sys.stderr or io.StringIO())

    # --- settings -----------------------------------------------------------------------------------------

    @cached_property
    def config(self) -> ConfigFile:
        """The configuration file, read and checked; one that somebody names has to be there."""
        from orderctl.config import file

        found = file.read(self.config_path)
        by = "--config" if self.options.get("config") else "$ORDERCTL_CONFIG"
        if not found.exists and (self.options.get("config") or self.environ.get("ORDERCTL_CONFIG")):
            hint = "name another, or make it: orderctl config init NAME --config FILE"
            raise UsageError(f"there is no configuration file {found.path}, which {by} names", hint=hint)
        return found

    @property
    def config_path(self) -> Path:
        """`--config`, `$ORDERCTL_CONFIG`, else the XDG place."""
        named = self.options.get("config")
        return Path(str(named)).expanduser() if named else paths.config_file(self.environ)

    @cached_property
    def environment(self) -> Environment:
        """The environment in force, every setting with its origin."""
        from orderctl.config import resolve

        named = self.options.get("env")
        name = resolve.choose(str(named) if named else None, self.environ, self.config)
        flags = {key: self.options.get(key) for key in _SETTING_FLAGS}
        return resolve.resolve(name, flags, self.environ, self.config)

    def resource(self, name: str, flag: str | None = None) -> str:
        """A resource of the environment: the command's own flag, the settings, else the stack.

        `name` is a key below `resources` (`state_machine`). Raises UsageError saying how to name it.
        """
        found = flag or self.optional_resource(name)
        if found is None:
            raise UsageError(
                f"environment {self.environment.name!r} names no {name}",
                hint=f"orderctl config set resources.{name} VALUE, or set 'stack' to discover it",
            )
        return found

    def optional_resource(self, name: str) -> str | None:
        """The same, or None where nobody names it."""
        setting = self.setting(f"resources.{name}")
        return None if setting is None else str(setting.value)

    def setting(self, key: str) -> Setting | None:
        """Any key with its origin, discovery included; discovery is asked only for what nobody set."""
        from orderctl.config.resolve import Setting
        from orderctl.config.schema import BY_PATH

        setting = self.environment.settings.get(key)
        known = BY_PATH[key]
        discoverable = known.output is not None and self.environment.text("stack") is not None
        if (setting is None or setting.origin == "default") and discoverable and key in self.discovered.values:
            return Setting(key, self.discovered.values[key], self.discovered.origins[key])
        return setting

    @cached_property
    def discovered(self) -> Discovered:
        """What the environment's stack offers."""
        from orderctl.config.discovery import discover

        refresh = bool(self.options.get("refresh"))
        return discover(self.environment, self.stacks, self.cache_dir, self.clock, refresh=refresh)

    @property
    def state_dir(self) -> Path:
        """Journals, tokens, the local stack's state."""
        return paths.state_dir(self.environ)

    @property
    def cache_dir(self) -> Path:
        """What may be thrown away."""
        return paths.cache_dir(self.environ)

    @property
    def audit_trail(self) -> Trail:
        """What was changed from this machine."""
        from orderctl.audit.trail import Trail

        return Trail(self.state_dir / "audit.jsonl")

    def new_recorder(self) -> Recorder:
        """A record for one command's change; on the event bus as well where the environment names one."""
        from orderctl.audit.recorder import Recorder

        bus = self.environment.text("audit.event_bus")
        if bus is None:
            return Recorder(self.audit_trail, self.clock)
        from orderctl.aws.audit_events import AuditEvents

        return Recorder(self.audit_trail, self.clock, AuditEvents(self.aws.client("events"), bus))

    # --- output -------------------------------------------------------------------------------------------

    @cached_property
    def renderer(self) -> Renderer:
        """The printer, in the format asked for."""
        from orderctl.render.renderer import FORMATS, Renderer
        from orderctl.render.style import Style, wants_color

        output = self.options.get("output") or self.environ.get("ORDERCTL_OUTPUT") or None
        if output is not None and output not in FORMATS:
            raise UsageError(f"unknown output format {output!r}", hint="one of: " + ", ".join(FORMATS))
        color = str(self.options.get("color", "auto"))
        if color not in ("auto", "always", "never"):
            raise UsageError(f"--color cannot be {color!r}", hint="one of: auto, always, never")
        query = self.options.get("query")
        return Renderer(
            self.out,
            self.err,
            self.clock,
            output=None if output is None else str(output),
            query=None if query is None else str(query),
            style=Style(color=wants_color(color, self.environ, self.out)),
            err_style=Style(color=wants_color(color, self.environ, self.err)),
            notice=self._notice,
            can_redraw=self.environ.get("TERM") != "dumb",
        )

    @cached_property
    def counting(self) -> Counting:
        """What the shown results say of how many, for the audit trail."""
        from orderctl.audit.counting import Counting

        return Counting()

    @cached_property
    def memory(self) -> Memory:
        """Names that were shown, for completion."""
        from orderctl.completion.memory import Memory

        return Memory()

    def remember(self) -> None:
        """Keep the names that were shown for the next Tab; what cannot be kept is not missed."""
        if "memory" in vars(self) and "environment" in vars(self):
            self.memory.keep(self.cache_dir, self.environment.name)

    def _notice(self, item: object) -> None:
        self.memory.notice(item)
        if self.change is not None:
            self.counting.notice(item)

    def error_renderer(self, argv: Sequence[str]) -> Renderer:
        """A printer for errors; a line that was not understood may still say that a program reads."""
        from orderctl.render.renderer import Renderer

        if "output" not in self.options:
            spelled = [(form, (form, f"-o{form}", f"--output={form}")) for form in ("jsonl", "json")]
            form = next((form for form, words in spelled if any(word in argv for word in words)), None)
            if form is not None:
                return Renderer(self.out, self.err, self.clock, output=form)
        try:
            return self.renderer
        except UsageError:
            return Renderer(self.out, self.err, self.clock)

    def say(self, text: str) -> None:
        """A line on stderr from where no renderer may exist."""
        self.error_renderer(()).say(text)

    def command(self, *words: str) -> str:
        """A command line to print for somebody to run next, in this environment."""
        given = [(name, self.options[name]) for name in _WHERE if name in self.options]
        flags = [word for name, value in given for word in (f"--{name.replace('_', '-')}", str(value))]
        return shlex.join(["orderctl", *words, *flags])

    # --- collaborators: each adapter is made here and nowhere else ------------------------------------------

    @cached_property
    def aws(self) -> Aws:
        """The session every adapter takes its client from."""
        from orderctl.aws.session import Aws

        return Aws(self.environment, self.environ, debug=self._debug())

    @cached_property
    def identity(self) -> CallerIdentity:
        """Whose credentials these are."""
        from orderctl.aws.sts import CallerIdentity

        return CallerIdentity(self.aws.client("sts"))

    @cached_property
    def stacks(self) -> Stacks:
        """CloudFormation, as discovery sees it."""
        from orderctl.aws.stack_contents import CloudFormationContents

        return CloudFormationContents(self.aws.client("cloudformation"))

    @cached_property
    def stock(self) -> StockTable:
        """The inventory table."""
        return self.stock_tables(self.resource("inventory_table"))

    @cached_property
    def stock_tables(self) -> Callable[[str], StockTable]:
        """Tables of stock by name."""
        from orderctl.aws.dynamodb import DynamoDbStock

        client, once = self.aws.client("dynamodb"), self.aws.client("dynamodb", attempts=1)
        return lambda name: DynamoDbStock(client, name, once=once, sleep=self.clock.sleep)

    @cached_property
    def table_imports(self) -> Callable[[str | None], TableImports]:
        """DynamoDB's imports from a bucket: the one named, the configured one, else that of the artifacts."""
        from orderctl.aws.dynamodb_imports import DynamoDbImports
        from orderctl.stack.models import artifact_bucket

        account, region = self.identity.account(), str(self.aws.region)
        default = self.optional_resource("import_bucket") or artifact_bucket(account, region)
        dynamodb, s3 = self.aws.client("dynamodb"), self.aws.client("s3")
        return lambda bucket: DynamoDbImports(dynamodb, s3, self.buckets, bucket or default, owner=account)

    @cached_property
    def formation(self) -> Formation:
        """CloudFormation, as deploying needs it."""
        from orderctl.aws.cloudformation import CloudFormation

        return CloudFormation(self.aws.client("cloudformation"))

    @cached_property
    def buckets(self) -> ArtifactBuckets:
        """S3, for this account's own buckets."""
        from orderctl.aws.s3 import S3

        return S3(self.aws.client("s3"), self.identity.account(), str(self.aws.region))

    @cached_property
    def overlay_apis(self) -> OverlayApis:
        """The embedded emulator's APIs."""
        from orderctl.aws.overlay import AwsOverlayApis

        return AwsOverlayApis(self.aws)

    @cached_property
    def local(self) -> Parts:
        """The local stack. What speaks to AWS's API is bound to the local server's state alone."""
        from orderctl.config import file
        from orderctl.local.files import LocalFiles
        from orderctl.local.server import Server
        from orderctl.local.up import Parts
        from orderctl.local.user_pool import LocalUserPool

        files = LocalFiles(self.state_dir / "local")
        return Parts(
            files=files,
            server=Server(files, self.environ, self.clock),
            clock=self.clock,
            reference=self._local_reference,
            pool=lambda state: LocalUserPool(state.port, state.region),
            stock=self._local_stock,
            write_environment=lambda name, values: file.write_environment(self.config_path, name, values),
            configured_endpoint=self._local_endpoint,
        )

    def _local_endpoint(self) -> str | None:
        from orderctl.config import file

        said = file.read(self.config_path).values.get("local", {}).get("endpoint_url")
        return None if said is None else str(said)

    def _local_aws(self, state: LocalState) -> Aws:
        from orderctl.aws.session import Aws
        from orderctl.local.environment import local_environment

        return Aws(local_environment({"region": state.region, "endpoint_url": state.endpoint_url}), self.environ)

    def _local_stock(self, state: LocalState, table: str) -> StockTable:
        from orderctl.aws.dynamodb import DynamoDbStock

        aws = self._local_aws(state)
        client, once = aws.client("dynamodb"), aws.client("dynamodb", attempts=1)
        return DynamoDbStock(client, table, once=once, sleep=self.clock.sleep)

    def _local_reference(self, state: LocalState) -> ReferenceStack:
        from orderctl.aws.cloudformation import CloudFormation
        from orderctl.aws.overlay import AwsOverlayApis
        from orderctl.aws.s3 import S3
        from orderctl.local.ministack import ACCOUNT_ID
        from orderctl.local.reference import LocalReferenceStack
        from orderctl.stack import package

        aws = self._local_aws(state)
        return LocalReferenceStack(
            state,
            lambda: CloudFormation(aws.client("cloudformation")),
            lambda: S3(aws.client("s3"), ACCOUNT_ID, state.region),
            self.clock,
            build=lambda: package.build(local=True),
            apis=AwsOverlayApis(aws),
        )

    @cached_property
    def event_buses(self) -> Callable[[str], EventBus]:
        """Event buses by name or ARN; events go through a client that never sends twice by itself."""
        from orderctl.aws.eventbridge import EventBridgeBus

        aws = self.aws
        return lambda name: EventBridgeBus(aws.client("events"), name, once=aws.client("events", attempts=1))

    @cached_property
    def event_taps(self) -> Taps:
        """Temporary rules and queues to listen on a bus with."""
        from orderctl.aws.event_taps import EventTaps

        return EventTaps(self.aws.client("events"), self.aws.client("sqs"))

    @cached_property
    def replays(self) -> Replays:
        """EventBridge archives and replays."""
        from orderctl.aws.event_replays import EventReplays

        return EventReplays(self.aws.client("events"))

    @cached_property
    def executions(self) -> Executions:
        """Step Functions; its second client is for what must never be sent twice."""
        from orderctl.aws.stepfunctions import READ_TIMEOUT, SYNC_READ_TIMEOUT, StepFunctions

        aws = self.aws
        return StepFunctions(
            aws.client("stepfunctions", attempts=3, read_timeout=READ_TIMEOUT),
            lambda: aws.client("stepfunctions", attempts=1, read_timeout=SYNC_READ_TIMEOUT),
            self.clock,
        )

    @cached_property
    def logs(self) -> Logs:
        """CloudWatch Logs."""
        from orderctl.aws.logs import CloudWatchLogs

        return CloudWatchLogs(self.aws.client("logs"), self.clock)

    @cached_property
    def function_groups(self) -> FunctionGroups:
        """Lambda's word on where its functions log."""
        from orderctl.aws.function_groups import LambdaGroups

        return LambdaGroups(self.aws.client("lambda"))

    @cached_property
    def order_records(self) -> OrderRecords:
        """The table of orders."""
        from orderctl.aws.order_records import DynamoDbOrders

        return DynamoDbOrders(self.aws.client("dynamodb"), self.resource("orders_table"))

    @cached_property
    def traces(self) -> Traces:
        """X-Ray."""
        from orderctl.aws.xray import XRayTraces

        return XRayTraces(self.aws.client("xray"))

    @cached_property
    def queues(self) -> Queues:
        """SQS; sends go through a client that never tries twice by itself."""
        from orderctl.aws.sqs import SqsQueues
        from orderctl.dlq.origins import RememberingQueues
        from orderctl.dlq.restore import restores_folder

        sqs = SqsQueues(self.aws.client("sqs"), self.aws.client("sqs", attempts=1), self.clock)
        return RememberingQueues(sqs, restores_folder(self.state_dir))

    @cached_property
    def functions(self) -> Functions:
        """Lambda."""
        from orderctl.aws.lambda_ import LambdaFunctions

        return LambdaFunctions(self.aws.client("lambda"), self.aws.client("lambda", attempts=1), self.clock)

    @cached_property
    def rules(self) -> Rules:
        """EventBridge rules and their targets."""
        from orderctl.aws.rules import EventBridgeRules

        return EventBridgeRules(self.aws.client("events"), self.clock)

    @cached_property
    def subscriptions(self) -> Subscriptions:
        """SNS."""
        from orderctl.aws.sns import SnsSubscriptions

        return SnsSubscriptions(self.aws.client("sns"), self.aws.client("sns", attempts=1), self.clock)

    @cached_property
    def schedules(self) -> Schedules:
        """EventBridge Scheduler."""
        from orderctl.aws.scheduler import SchedulerSchedules

        return SchedulerSchedules(self.aws.client("scheduler"), self.clock)

    @cached_property
    def starter(self) -> Starter:
        """Step Functions, as the target of a rule or a schedule."""
        from orderctl.aws.starter import StepFunctionsStarter

        return StepFunctionsStarter(self.aws.client("stepfunctions", attempts=1))

    @cached_property
    def queue_ages(self) -> Ages:
        """CloudWatch's word on how old the oldest message is."""
        from orderctl.aws.cloudwatch import QueueAges

        return QueueAges(self.aws.client("cloudwatch"), self.clock)

    @cached_property
    def move_tasks(self) -> MoveTasks:
        """SQS's message move tasks; one is started through a client that never tries twice by itself."""
        from orderctl.aws.move_tasks import SqsMoveTasks

        return SqsMoveTasks(self.aws.client("sqs"), self.aws.client("sqs", attempts=1))

    @cached_property
    def purger(self) -> Purger:
        """SQS's own way to empty a queue, never tried twice."""
        from orderctl.aws.queue_purge import QueuePurger

        return QueuePurger(self.aws.client("sqs", attempts=1))

    @cached_property
    def token_store(self) -> TokenStore:
        """Where sign-ins are kept: private files, or the system's keyring where `auth.store` says so."""
        from orderctl.auth.store import TokenFiles

        files = TokenFiles(self.state_dir, self.clock)
        if self.environment.text("auth.store") != "keyring":
            return files
        from orderctl.auth.keyring_store import KeyringStore, open_keyring

        return KeyringStore(open_keyring(), files)

    @cached_property
    def open_browser(self) -> Callable[[str], bool]:
        """Shows a page to the person; did a browser open?"""
        from orderctl.auth.open_page import open_page

        return lambda url: open_page(url, self.environ)

    @cached_property
    def probes(self) -> Probes:
        """What `doctor` asks of AWS."""
        from orderctl.aws.probes import AwsProbes

        return AwsProbes(self.aws, self.clock, ca_bundle=self.ca_bundle, better_hint=self.credential_hint)

    def credential_hint(self, error: OrderctlError) -> str | None:
        """The command that mends the credentials an error is about, where it can be told exactly."""
        from orderctl.aws.credential_hints import command_for

        return command_for(error, self.environment, self.environ)

    def access(self, flow: str | None = None) -> Access:
        """The way into the environment's APIs; `flow` is for once instead of `auth.flow`."""
        from orderctl.auth.access import Access
        from orderctl.auth.secret_files import client_secret
        from orderctl.auth.settings import read_settings
        from orderctl.aws.sign_in_doors import AwsDoors

        secret = client_secret(self.environ)
        settings = read_settings(self.environment, self._text, flow=flow, client_secret=secret)
        doors = AwsDoors(self.aws, settings, ca_bundle=self.ca_bundle)
        return Access(settings, self.token_store, doors, self.clock)

    def api(self, resource: str, *, connections: int = 1) -> ApiGateway:
        """One of the environment's APIs (`users_api_url`), spoken to as `auth.flow` says."""
        from orderctl.aws.api_gateway import ApiGateway

        url, authorizer = self.resource(resource), self.access().authorizer
        return ApiGateway(url, authorizer, connections=connections, ca_bundle=self.ca_bundle)

    @property
    def ca_bundle(self) -> str | None:
        """`AWS_CA_BUNDLE`, as the AWS CLI takes it."""
        return self.environ.get("AWS_CA_BUNDLE") or None

    def _text(self, key: str) -> str | None:
        setting = self.setting(key)
        return None if setting is None else str(setting.value)

    @cached_property
    def consumer_health(self) -> Health:
        """CloudWatch's word on how functions did lately."""
        from orderctl.aws.cloudwatch import FunctionHealth

        return FunctionHealth(self.aws.client("cloudwatch"), self.clock)

    @cached_property
    def alarms(self) -> Alarms:
        """CloudWatch's alarms."""
        from orderctl.aws.cloudwatch_alarms import CloudWatchAlarms

        return CloudWatchAlarms(self.aws.client("cloudwatch"))

    @cached_property
    def queue_trends(self) -> Trends:
        """CloudWatch's word on how queues went in the last hour."""
        from orderctl.aws.cloudwatch_alarms import QueueTrends

        return QueueTrends(self.aws.client("cloudwatch"), self.clock)

    @cached_property
    def token_buckets(self) -> TokenBuckets:
        """How fast each API may be asked, for everything that runs in this process."""
        from orderctl.pacing import TokenBuckets

        return TokenBuckets(self.clock)

    def wiring(self, named: Sequence[Queue] = ()) -> Wiring:
        """Everything in the environment that names a queue as the place for its failures.

        `named` are the dead-letter queues a command is about; they are asked who feeds them.
        """
        from orderctl.dlq.wiring import find_wiring

        ports = (self.queues, self.functions, self.rules, self.subscriptions, self.schedules)
        return find_wiring(*ports, bus=self.optional_resource("event_bus"), named=named)

    def _debug(self) -> TextIO | None:
        return self.err if self.options.get("debug") else None
