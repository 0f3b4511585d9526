"""The front door: the one place that prints an error and decides the exit code.

`main(argv, app)` takes an App so that tests walk in the same way as a user. Signals become exceptions that
unwind through the services' own clean-up; the second Ctrl-C is Python's own and leaves at once.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import TYPE_CHECKING

from orderctl.errors import FailedError, OrderctlError, UsageError

if TYPE_CHECKING:
    from orderctl.context import App

NOUNS: dict[str, str] = {
    "orders": "Submit orders and follow their executions to the end.",
    "events": "Publish, test, tail and replay events.",
    "dlq": "Find, inspect and redrive dead letters.",
    "inventory": "Seed, read, correct and export the stock.",
    "users": "Create and read users through the API.",
    "auth": "Sign in to the APIs.",
    "config": "The environments orderctl knows.",
    "stack": "Deploy the reference stack.",
    "local": "The embedded stack on 127.0.0.1.",
    "help": "Exit codes and output formats.",
}

PIPE_CLOSED = 141
"""What a shell reports for a program ended by SIGPIPE: the reader went away, nobody is told."""


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP: unwinds like Ctrl-C, ends with 128 + the signal's number."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code = 128 + number


def main(argv: Sequence[str] | None = None, app: App | None = None) -> int:
    """Run one command line and return its exit code; nothing but this returns or prints an error."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if app is None:
        from orderctl.context import App

        _listen()
        app = App.from_process()
    try:
        code = _run(arguments, app)
        app.out.flush()
        return code
    except KeyboardInterrupt as interrupted:
        return _interrupted(app, interrupted)
    except BrokenPipeError:
        return _pipe_closed(app)
    except OSError as error:
        return _report(app, arguments, _io_error(error))
    except OrderctlError as error:
        return _report(app, arguments, error)


def _run(arguments: list[str], app: App) -> int:
    from typer.exceptions import Abort, Exit, TyperException

    from orderctl.cli.framework import Root

    root = Root(
        NOUNS,
        name="orderctl",
        help="Operate deployed serverless order workflows on AWS.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    try:
        # Not root.main(): it turns Ctrl-C, SIGTERM and a closed pipe into exit codes of its own.
        with root.make_context("orderctl", arguments, obj=app) as context:
            root.invoke(context)
        return 0
    except Exit as error:
        return error.exit_code
    except Abort as error:
        raise KeyboardInterrupt from error
    except TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            app.say(error.message)
            return UsageError.exit_code
        raise _usage(error) from error


def _usage(error: Exception) -> OrderctlError:
    """typer's complaint in our words."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "orderctl"
    text = error.format_message() if hasattr(error, "format_message") else str(error)
    return UsageError(text.rstrip("."), hint=f"{path} --help")


def _report(app: App, arguments: list[str], error: OrderctlError) -> int:
    app.error_renderer(arguments).error(error)
    _flush_quietly(app)
    return error.exit_code


def _interrupted(app: App, interrupted: KeyboardInterrupt) -> int:
    code = getattr(interrupted, "exit_code", 130)
    app.say("orderctl: interrupted" if code == 130 else "orderctl: terminated")
    if app.resume is not None:
        app.say(f"hint: {app.resume}")
    _flush_quietly(app)
    return int(code)


def _pipe_closed(app: App) -> int:
    """Python flushes stdout once more at exit; give it somewhere to go."""
    if app.out is sys.stdout:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return PIPE_CLOSED


def _io_error(error: OSError) -> OrderctlError:
    what = error.strerror or str(error)
    where = f"{error.filename}: " if error.filename else ""
    hint = "free some space and run it again" if error.errno == errno.ENOSPC else None
    return FailedError(f"{where}{what}", hint=hint)


def _flush_quietly(app: App) -> None:
    try:
        app.out.flush()
    except (OSError, ValueError):
        _pipe_closed(app)


def _listen() -> None:
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _terminate)


def _terminate(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
    raise Terminated(number)
