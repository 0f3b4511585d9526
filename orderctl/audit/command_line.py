"""A command line as it may be kept: the command as it was typed, without what is nobody else's business.

orderctl takes no password or token as an argument. What people put into a line all the same is left out
here: credentials in a URL, values of keys and options that are named like a secret, what looks like a token
or an access key. So is what belongs to customers: JSON documents, the values of `--set`, a person's name and
address. The field that was set stays.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

HIDDEN = "***"
LONGEST = 2_000
"""Characters kept; EventBridge takes 256 KB an event, and nobody reads more of a line."""

_SECRET_NAME = re.compile(
    r"passw|secret|token(?!-use|_use)|credential|authorization|api[-_]?key|e-?mail", re.IGNORECASE
)
_NOT_SECRET = ("--password-stdin", "--password-file", "--token-use")
_SECRET_TEXT = re.compile(
    r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}|\beyJ[\w-]{10,}\.[\w.-]+|\bBearer\s+\S+|(?<=://)[^/@\s]*@"
    r"|(?<=[?&])[\w.-]*(?:passw|secret|token|credential|signature)[\w.-]*=[^&#\s]*",
    re.IGNORECASE,
)
_DOCUMENT = re.compile(r"^\s*[\[{].*[:\"].*[\]}]\s*$", re.DOTALL)


def shown(arguments: Sequence[str]) -> str:
    """`orderctl …` with its secrets as `***` and JSON documents as `{...}`, at most `LONGEST` characters."""
    words: list[str] = []
    option = ""
    is_about_people = "users" in arguments
    for word in arguments:
        if is_about_people and "--name" in (option, word.partition("=")[0]) and word != "--name":
            words.append(HIDDEN if option == "--name" else f"--name={HIDDEN}")
        else:
            words.append(_value(option, word) if option and not word.startswith("--") else _safe(word))
        option = word if word.startswith("--") and "=" not in word else ""
    line = shlex.join(["orderctl", *words])
    return line if len(line) <= LONGEST else line[: LONGEST - 3] + "..."


def without_secrets(text: str) -> str:
    """Free text (a reason, what an error said) without what looks like a token, an access key or credentials."""
    return _SECRET_TEXT.sub(_hidden, text)


def _value(option: str, word: str) -> str:
    """A word behind an option: its value, or where the option takes none, the next argument."""
    if _is_secret(option):
        return HIDDEN
    field, equals, _ = word.partition("=")
    return f"{field}={HIDDEN}" if option == "--set" and equals else _safe(word)


def _safe(word: str) -> str:
    name, equals, value = word.partition("=")
    if equals and name == "--set":
        return f"{name}={_value(name, value)}"
    if equals and _is_secret(name):
        return f"{name}={HIDDEN}"
    if equals and _DOCUMENT.match(value):
        return f"{name}={{...}}"
    return "{...}" if _DOCUMENT.match(word) else without_secrets(word)


def _is_secret(name: str) -> bool:
    return name not in _NOT_SECRET and _SECRET_NAME.search(name) is not None


def _hidden(match: re.Match[str]) -> str:
    return HIDDEN + "@" if match.group().endswith("@") else HIDDEN
