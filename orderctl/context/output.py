"""What a command says, what is kept of it for the next Tab, and the record of what it changes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from orderctl.context.settings import Settings
from orderctl.errors import UsageError

if TYPE_CHECKING:
    from orderctl.audit.counting import Counting
    from orderctl.audit.recorder import Recorder
    from orderctl.audit.trail import Trail
    from orderctl.completion.memory import Memory
    from orderctl.render.renderer import Renderer


class Output(Settings):
    """What a command says, what is kept of it for the next Tab, and the record of what it changes."""

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
