"""Walk in by the front door: one command line, its whole output and its exit code."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orderctl.cli.main import main
from orderctl.context import App
from tests.fakes.clock import FakeClock
from tests.fakes.identity import FakeIdentity


class Terminal(io.StringIO):
    """A stream somebody looks at, or types into."""

    def isatty(self) -> bool:
        return True


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


def new_app(
    home: Path,
    *,
    environ: Mapping[str, str] | None = None,
    stdin: str = "",
    terminal: bool = False,
    clock: FakeClock | None = None,
) -> App:
    """An App whose files lie below `home`, with nothing of this machine's environment in it."""
    stream = Terminal if terminal else io.StringIO
    base = {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_STATE_HOME": str(home / "state"),
        "XDG_CACHE_HOME": str(home / "cache"),
    }
    app = App(
        environ={**base, **(environ or {})}, stdin=stream(stdin), out=stream(), err=stream(), clock=clock or FakeClock()
    )
    app.identity = FakeIdentity()  # type: ignore[assignment]
    return app


def run(app: App, *argv: str) -> Outcome:
    """Run one command line in `app`."""
    code = main(list(argv), app)
    assert isinstance(app.out, io.StringIO)
    assert isinstance(app.err, io.StringIO)
    return Outcome(code, app.out.getvalue(), app.err.getvalue())


def write_config(home: Path, text: str) -> Path:
    path = home / "config" / "orderctl" / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
