"""What fits at the cursor: a walk over the words typed so far, along the tree of commands.

The tree is plain data (`orderctl.cli.complete` writes it down), so nothing of typer is needed to walk it.
Common options stand anywhere, as on the command line itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FILES = ":files"
"""Offered alone: the shell completes a path here, as it does it best."""

_BY_METAVAR = {
    "ORDER": "order",
    "QUEUE": "queue",
    "PRODUCT_ID": "product",
    "ENV": "environment",
    "FILE": "file",
    "SHELL": "shell",
    "KEY": "key",
}
_BY_OPTION = {
    "--env": "environment",
    "--confirm": "environment",
    "--order-id": "order",
    "--product-id": "product",
    "--queue": "queue",
    "--output": "format",
    "--color": "color",
    "--config": "file",
}
_BY_COMMAND = {"config use": {"NAME": "environment"}}
FIXED = {
    "format": ("table", "tsv", "csv", "json", "jsonl"),
    "color": ("auto", "always", "never"),
    "shell": ("bash", "zsh", "fish"),
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A word to offer, and what the tree says of it."""

    word: str
    help: str = ""


Values = Callable[[str, str | None], Sequence[str]]
"""Kind of value (`order`) and the environment named on the line, to the values known."""


def candidates(tree: Mapping[str, Any], words: Sequence[str], values: Values) -> list[Candidate]:
    """What may replace the last of `words`, those before it being typed already; `orderctl` itself left out."""
    if not words:
        words = [""]
    place = _Place(tree)
    for word in words[:-1]:
        place.take(word)
    return list(place.offers(words[-1], values))


class _Place:
    """Where on the line the cursor is: which command, and whether an option waits for its value."""

    def __init__(self, tree: Mapping[str, Any]) -> None:
        self._common = tree["common"]
        self._node: Mapping[str, Any] = tree
        self._path: list[str] = []
        self._waiting: Mapping[str, Any] | None = None
        self._environment: str | None = None
        self._arguments = 0
        self._only_arguments = False

    def take(self, word: str) -> None:
        if self._waiting is not None:
            self._value(self._waiting, word)
            self._waiting = None
        elif word == "--" and not self._only_arguments:
            self._only_arguments = True
        elif word.startswith("-") and len(word) > 1 and not self._only_arguments:
            self._option(word)
        elif word in self._node.get("commands", {}):
            self._node = self._node["commands"][word]
            self._path.append(word)
        else:
            self._arguments += 1

    def offers(self, word: str, values: Values) -> Iterator[Candidate]:
        name, equals, begun = word.partition("=")
        if self._waiting is not None:
            yield from self._values(self._kind_of_option(self._waiting), self._waiting, word, values)
        elif equals and name.startswith("--"):
            option = self._named(name)
            kind = None if option is None else self._kind_of_option(option)
            found = self._values(kind, option or {}, begun, values)
            yield from (each if each.word == FILES else Candidate(f"{name}={each.word}") for each in found)
        elif word.startswith("-") and not self._only_arguments:
            yield from self._options(word)
        else:
            yield from self._words(word, values)

    def _option(self, word: str) -> None:
        name, equals, value = word.partition("=")
        option = self._named(name)
        if option is not None and option["takes"] is not None:
            if equals:
                self._value(option, value)
            else:
                self._waiting = option

    def _value(self, option: Mapping[str, Any], value: str) -> None:
        if "--env" in option["names"]:
            self._environment = value

    def _named(self, name: str) -> Mapping[str, Any] | None:
        return next((option for option in self._all_options() if name in option["names"]), None)

    def _all_options(self) -> list[Mapping[str, Any]]:
        return [*self._node.get("options", ()), *self._common]

    def _options(self, word: str) -> Iterator[Candidate]:
        for option in self._all_options():
            name = next((name for name in option["names"] if name.startswith("--")), option["names"][0])
            if name.startswith(word):
                yield Candidate(name, option["help"])

    def _words(self, word: str, values: Values) -> Iterator[Candidate]:
        commands = self._node.get("commands", {})
        yield from (Candidate(name, each["help"]) for name, each in commands.items() if name.startswith(word))
        wanted = self._node.get("arguments", ())
        if wanted and (self._arguments < len(wanted) or wanted[-1]["many"]):
            argument = wanted[min(self._arguments, len(wanted) - 1)]
            by_command = _BY_COMMAND.get(" ".join(self._path), {})
            kind = by_command.get(argument["metavar"]) or _BY_METAVAR.get(argument["metavar"])
            yield from self._values(kind, argument, word, values)

    def _kind_of_option(self, option: Mapping[str, Any]) -> str | None:
        named = next((_BY_OPTION[name] for name in option["names"] if name in _BY_OPTION), None)
        return named or _BY_METAVAR.get(str(option["takes"]))

    def _values(self, kind: str | None, param: Mapping[str, Any], word: str, values: Values) -> Iterator[Candidate]:
        if kind == "file":
            yield Candidate(FILES)
            return
        known: Sequence[str] = param.get("choices") or FIXED.get(kind or "", ())
        if not known and kind is not None:
            known = values(kind, self._environment)
        yield from (Candidate(each) for each in known if each.startswith(word))
