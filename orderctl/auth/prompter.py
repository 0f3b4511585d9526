"""The prompter of a process nobody sits at: every question is refused, with the flag that answers it."""

from __future__ import annotations

from collections.abc import Sequence

from orderctl.errors import RefusedError


class NoTerminal:
    """Refuses every question, so that a script ends at once instead of hanging."""

    def ask_secret(self, label: str, *, flag: str | None = None) -> str:
        """Raise RefusedError naming `flag`."""
        raise _refusal(label, flag)

    def ask(self, label: str, *, flag: str | None = None) -> str:
        """Raise RefusedError naming `flag`."""
        raise _refusal(label, flag)

    def choose(self, label: str, options: Sequence[str], *, flag: str | None = None) -> str:
        """Raise RefusedError naming `flag`."""
        raise _refusal(f"{label} ({', '.join(options)})", flag)


def _refusal(label: str, flag: str | None) -> RefusedError:
    hint = f"give it with {flag}" if flag else "run it in a terminal; for scripts use a user without this challenge"
    return RefusedError(f"{label} is needed and there is no terminal to ask at", hint=hint)
