"""Answers without a person: the codes a script hands in, and a refusal of everything else.

A refusal names the flag that would have answered, so that a script ends at once instead of hanging. A code is read
only when Cognito asks for it: one that is sent by text message or email does not exist before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from orderctl.auth.ports import Prompter
from orderctl.errors import RefusedError, UsageError

CODE_FLAG = "--mfa-code-stdin or --mfa-code-file FILE"


class NoTerminal:
    """Refuses every question."""

    def ask_secret(self, label: str, *, flag: str | None = None) -> str:
        """Raise RefusedError naming `flag`."""
        raise _refusal(label, flag)

    def ask_code(self, label: str) -> str:
        """Raise RefusedError naming the two flags."""
        raise _refusal(label, CODE_FLAG)

    def ask(self, label: str, *, flag: str | None = None) -> str:
        """Raise RefusedError naming `flag`."""
        raise _refusal(label, flag)

    def choose(self, label: str, options: Sequence[str], *, flag: str | None = None) -> str:
        """Raise RefusedError naming `flag`."""
        raise _refusal(f"{label} ({', '.join(options)})", flag)


class Prepared:
    """Answers codes from `read_code` and the choice of a second factor by `factor`; asks `other` the rest."""

    def __init__(self, other: Prompter, *, read_code: Callable[[], str] | None, factor: str | None) -> None:
        self._other = other
        self._read_code = read_code
        self._factor = factor

    def ask_secret(self, label: str, *, flag: str | None = None) -> str:
        """Ask the other one."""
        return self._other.ask_secret(label, flag=flag)

    def ask_code(self, label: str) -> str:
        """The code handed in; raises UsageError when there is none, or none left."""
        if self._read_code is None:
            return self._other.ask_code(label)
        code = self._read_code().strip()
        if not code:
            raise UsageError(f"{label} is needed, and none was handed in", hint=f"a line each by {CODE_FLAG}")
        return code

    def ask(self, label: str, *, flag: str | None = None) -> str:
        """Ask the other one."""
        return self._other.ask(label, flag=flag)

    def choose(self, label: str, options: Sequence[str], *, flag: str | None = None) -> str:
        """The factor named in advance, or the only one there is; raises UsageError when it is not on offer."""
        if self._factor is None:
            return options[0] if len(options) == 1 else self._other.choose(label, options, flag=flag)
        if self._factor not in options:
            raise UsageError(f"{self._factor} is not on offer", hint="one of: " + ", ".join(options))
        return self._factor


def _refusal(label: str, flag: str | None) -> RefusedError:
    hint = f"give it with {flag}" if flag else "run it in a terminal; for scripts use a user without this challenge"
    return RefusedError(f"{label} is needed and there is no terminal to ask at", hint=hint)
