"""The App: the one object a command is given, and the one place where collaborators are wired.

Everything is made when first touched, so a command that never speaks to AWS never imports boto3. Tests
build an App with their own streams, environment and clock, and set collaborators as plain attributes
before the command runs (`app.queues = FakeQueues()`); nothing is patched.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from orderctl import paths
from orderctl.clock import Clock, SystemClock
from orderctl.errors import UsageError

if TYPE_CHECKING:
    from orderctl.aws.session import Aws
    from orderctl.aws.sts import CallerIdentity
    from orderctl.config.discovery import Discovered, Stacks
    from orderctl.config.file import ConfigFile
    from orderctl.config.resolve import Environment, Setting
    from orderctl.dlq.models import Wiring
    from orderctl.dlq.move_tasks import MoveTasks
    from orderctl.dlq.overview import Ages
    from orderctl.dlq.ports import Functions, Queues, Rules, Schedules, Starter, Subscriptions
    from orderctl.dlq.purge import Purger
    from orderctl.events.ports import EventBus
    from orderctl.events.replay import Replays
    from orderctl.events.tap import Taps
    from orderctl.inventory.ports import StockTable
    from orderctl.orders.ports import Executions
    from orderctl.render.renderer import Renderer

_SETTING_FLAGS = ("profile", "region", "endpoint_url")


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

    @classmethod
    def from_process(cls) -> App:
        """The App of this process."""
        return cls(environ=os.environ, stdin=sys.stdin, out=sys.stdout, err=sys.stderr)

    # --- settings -----------------------------------------------------------------------------------------

    @cached_property
    def config(self) -> ConfigFile:
        """The configuration file, read and checked."""
        from orderctl.config import file

        return file.read(self.config_path)

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
        )

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
        env = ["--env", str(self.options["env"])] if "env" in self.options else []
        return shlex.join(["orderctl", *words, *env])

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
        from orderctl.aws.dynamodb import DynamoDbStock

        client, once = self.aws.client("dynamodb"), self.aws.client("dynamodb", attempts=1)
        return DynamoDbStock(client, self.resource("inventory_table"), once=once, sleep=self.clock.sleep)

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
        from orderctl.aws.stepfunctions import SYNC_READ_TIMEOUT, StepFunctions

        aws = self.aws
        return StepFunctions(
            aws.client("stepfunctions"),
            lambda: aws.client("stepfunctions", attempts=1, read_timeout=SYNC_READ_TIMEOUT),
        )

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

    def wiring(self) -> Wiring:
        """Everything in the environment that names a queue as the place for its failures."""
        from orderctl.dlq.wiring import find_wiring

        bus = self.optional_resource("event_bus")
        return find_wiring(self.queues, self.functions, self.rules, self.subscriptions, self.schedules, bus=bus)

    def _debug(self) -> TextIO | None:
        return self.err if self.options.get("debug") else None
