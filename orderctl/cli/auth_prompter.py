"""The person at the terminal, as signing in asks them: on stderr, secrets without echo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from orderctl.errors import RefusedError

if TYPE_CHECKING:
    from orderctl.auth.ports import Prompter
    from orderctl.context import App


def prompter_of(cli: App, *, read_code: Callable[[], str] | None = None, factor: str | None = None) -> Prompter:
    """Whoever answers: what was handed in first, then the person at the terminal, or a refusal."""
    from orderctl.auth.prompter import NoTerminal, Prepared
    from orderctl.render.style import is_terminal

    is_somebody_there = is_terminal(cli.stdin) and is_terminal(cli.err)
    return Prepared(TerminalPrompter(cli) if is_somebody_there else NoTerminal(), read_code=read_code, factor=factor)


class TerminalPrompter:
    """Asks at the terminal."""

    def __init__(self, cli: App) -> None:
        self._cli = cli

    def ask_secret(self, label: str, *, flag: str | None = None) -> str:
        """Ask without echo."""
        import getpass
        import sys

        from orderctl.render.clean import clean

        if self._cli.stdin is not sys.stdin:
            return self.ask(label, flag=flag)
        try:
            return getpass.getpass(f"{clean(label)}: ", stream=self._cli.err)
        except EOFError:
            self._cli.err.write("\n")
            raise RefusedError(f"{label}: no answer") from None

    def ask_code(self, label: str) -> str:
        """Ask without echo too: whoever sees a code may be faster."""
        return self.ask_secret(label)

    def ask(self, label: str, *, flag: str | None = None) -> str:
        """Ask for one line; the end of input is a refusal."""
        from orderctl.render.clean import clean

        self._cli.err.write(f"{clean(label)}: ")
        self._cli.err.flush()
        line = self._cli.stdin.readline()
        if not line:
            raise RefusedError(f"{label}: no answer")
        return line.rstrip("\r\n")

    def choose(self, label: str, options: Sequence[str], *, flag: str | None = None) -> str:
        """Ask until one of the options is named, by its number or its name."""
        while True:
            listed = ", ".join(f"{number} {option}" for number, option in enumerate(options, start=1))
            answer = self.ask(f"{label} ({listed})", flag=flag).strip()
            if answer.isdigit() and 1 <= int(answer) <= len(options):
                return options[int(answer) - 1]
            if answer in options:
                return answer
