"""The front door: the one place that prints an error and decides the exit code.

`main(argv, app)` takes an App so that tests walk in the same way as a user. Signals become exceptions that
unwind through the services' own clean-up (`signals`); a second one leaves at once.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from orderctl.errors import AuthError, FailedError, OrderctlError, UsageError
from orderctl.importing import undisturbed

if TYPE_CHECKING:
    from orderctl.context import App

NOUNS: dict[str, str] = {
    "orders": "Submit orders and follow their executions to the end.",
    "events": "Publish, test, tail and replay events.",
    "dlq": "Find, inspect and redrive dead letters.",
    "inventory": "Seed, read, correct and export the stock.",
    "users": "Create and read users through the API.",
    "auth": "Sign in to the APIs.",
    "audit": "What was changed from here, by whom and why.",
    "config": "The environments orderctl knows.",
    "stack": "Deploy the reference stack.",
    "local": "The embedded stack on 127.0.0.1.",
    "top": "One screen for the person on call.",
    "doctor": "Is everything there that the commands need?",
    "completion": "Tab completion for bash, zsh and fish.",
    "help": "Exit codes and output formats.",
}

COMPLETE = "__complete"
"""What the shells' completion scripts call; answered before typer is imported."""
PIPE_CLOSED = 141
"""What a shell reports for a program ended by SIGPIPE: the reader went away, nobody is told."""


def main(argv: Sequence[str] | None = None, app: App | None = None) -> int:
    """Run one command line and return its exit code; nothing but this returns or prints an error."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if app is None:
        from orderctl.context import App

        app = App.from_process()
        _listen(app)
    if arguments[:1] == [COMPLETE]:
        from orderctl.cli.complete import answer

        return answer(arguments[1:], app.environ, app.out)
    app.arguments = tuple(arguments)
    code = _ended(arguments, app)
    with suppress(KeyboardInterrupt):  # it has ended: what comes now cannot stop it any more
        _record_end(app, code)
        app.remember()
    return code


def _ended(arguments: list[str], app: App) -> int:
    """Run it, and say how it ended where that needs saying."""
    try:
        code = _run(arguments, app)
        app.out.flush()
        return code
    except KeyboardInterrupt as interrupted:
        return _interrupted(app, interrupted)
    except BrokenPipeError:
        return _pipe_closed(app)
    except OSError as error:
        stopped = _behind(error)
        return _interrupted(app, stopped) if stopped else _report(app, arguments, _io_error(error))
    except OrderctlError as error:
        return _report(app, arguments, error)


def _record_end(app: App, code: int, *, announce: bool = True) -> None:
    """The audit trail's second line. What was changed is changed: a failure here is told and ends nothing."""
    if app.change is None:
        return
    try:
        app.change.end(code, app.counts or app.counting.counts, announce=announce)
    except OrderctlError as error:
        app.say(f"warning: how this ended is missing in the audit trail: {error.message}")


def _run(arguments: list[str], app: App) -> int:
    with undisturbed():
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
    if isinstance(error, AuthError):
        error.hint = app.credential_hint(error) or error.hint
    app.error_renderer(arguments).error(error)
    _flush_quietly(app)
    return error.exit_code


def _interrupted(app: App, interrupted: KeyboardInterrupt) -> int:
    code = int(getattr(interrupted, "exit_code", 130))
    _say_goodbye(app, code)
    _flush_quietly(app)
    return code


def _behind(error: BaseException | None) -> KeyboardInterrupt | None:
    """The signal whose clean-up failed: a terminal that was closed takes no last line."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error


def _say_goodbye(app: App, code: int) -> None:
    """That it was stopped, and the command that goes on from here; once, whoever comes first."""
    if app.has_said_goodbye:
        return
    app.has_said_goodbye = True
    app.say("orderctl: interrupted" if code == 130 else "orderctl: terminated")
    if app.resume is not None:
        app.say(f"hint: {app.resume}")


def _pipe_closed(app: App) -> int:
    _let_go(app.out)
    return PIPE_CLOSED


def _let_go(stream: TextIO) -> None:
    """Python flushes its streams once more at exit, and ends with 120 where it cannot; give it somewhere to go."""
    if stream in (sys.stdout, sys.stderr):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _io_error(error: OSError) -> OrderctlError:
    what = error.strerror or str(error)
    where = f"{error.filename}: " if error.filename else ""
    hint = "free some space and run it again" if error.errno == errno.ENOSPC else None
    return FailedError(f"{where}{what}", hint=hint)


def _flush_quietly(app: App) -> None:
    for stream in (app.out, app.err):
        try:
            stream.flush()
        except (OSError, ValueError):
            _let_go(stream)


def _listen(app: App) -> None:
    from orderctl.cli.signals import Stopping

    Stopping(lambda: _say_stopping(app), lambda code: _leave(app, code)).listen()


def _say_stopping(app: App) -> None:
    if not app.has_said_stopping:
        app.say("orderctl: stopping; once more leaves at once")


def _leave(app: App, code: int) -> None:
    """End the process now, whatever it waits for; nothing here may wait either."""
    from threading import Thread

    _say_goodbye(app, code)
    _record_end(app, code, announce=False)
    flush = Thread(target=_flush_quietly, args=(app,), daemon=True)
    flush.start()
    flush.join(0.1)
    os._exit(code)
