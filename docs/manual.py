"""The manual pages, from what `generate.py` reads off the commands: the same words as `--help` and `commands.md`.

Plain man(7) macros, which every man program has read for forty years. `man docs/man/orderctl-dlq.1` shows one
from a checkout.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from orderctl import __version__

Records = Sequence[tuple[str, str]]


def pages(
    nouns: Sequence[Mapping[str, Any]], common: Records, codes: Mapping[int, str], variables: Records
) -> dict[str, str]:
    """File name below docs/ to text: `man/orderctl.1` and `man/orderctl-NOUN.1`."""
    written = {f"man/orderctl-{noun['name']}.1": _lines(_noun(noun)) for noun in nouns}
    return {"man/orderctl.1": _lines(_root(nouns, common, codes, variables)), **written}


def _root(
    nouns: Sequence[Mapping[str, Any]], common: Records, codes: Mapping[int, str], variables: Records
) -> Iterator[str]:
    yield from _head("orderctl", "operate deployed serverless order workflows on AWS")
    yield from (".SH SYNOPSIS", r"\fBorderctl\fR \fINOUN\fR \fIVERB\fR [\fIARGUMENTS\fR] [\fIOPTIONS\fR]")
    yield from (".SH COMMANDS", *_tagged([(f"orderctl-{noun['name']}(1)", noun["help"]) for noun in nouns]))
    yield from (".SH COMMON OPTIONS", "Every command takes them, before or after the noun; the last one wins.")
    yield from _tagged(common)
    yield from (".SH EXIT STATUS", *_tagged([(str(code), meaning) for code, meaning in codes.items()]))
    yield ".SH ENVIRONMENT"
    yield from _tagged([("ORDERCTL_OUTPUT", "format where --output is not given"), *variables])
    yield from (".SH FILES", *_tagged(FILES))


FILES = (
    ("~/.config/orderctl/config.toml", "the environments; below $XDG_CONFIG_HOME where that is set"),
    ("~/.local/state/orderctl/", "tokens, journals, the audit trail, the embedded stack; $XDG_STATE_HOME"),
    ("~/.cache/orderctl/", "what may be thrown away; $XDG_CACHE_HOME"),
)


def _noun(noun: Mapping[str, Any]) -> Iterator[str]:
    yield from _head(f"orderctl-{noun['name']}", noun["help"][0].lower() + noun["help"][1:].rstrip("."))
    yield ".SH SYNOPSIS"
    for number, verb in enumerate(noun["verbs"]):
        yield from ([".br"] if number else [])
        yield rf"\fB{_text(verb['usage'])}\fR"
    yield ".SH COMMANDS"
    for verb in noun["verbs"]:
        yield f'.SS "{_text(verb["usage"])}"'
        yield from (line for part in verb["prose"].split("\n\n") for line in (".PP", _text(part)))
        yield from _tagged(verb["params"])
        if verb["example"]:
            yield from (".PP", "Example:", ".PP", ".RS", rf"\fB{_text(verb['example'])}\fR", ".RE")
    yield from (".SH SEE ALSO", r"\fBorderctl\fR(1): common options, exit status, files")


def _head(name: str, what: str) -> Iterator[str]:
    yield r".\" Written by docs/generate.py from the code; `make docs` writes it anew."
    yield f'.TH "{name.upper()}" "1" "" "orderctl {__version__}" "orderctl"'
    yield from (".SH NAME", f"{_text(name)} \\- {_text(what)}")


def _tagged(records: Records) -> Iterator[str]:
    for name, text in records:
        yield from (".TP", rf"\fB{_text(name)}\fR", _text(text))


def _text(text: str) -> str:
    """Text that no request begins in: backslashes, dashes that are typed, and dots and quotes at the start."""
    words = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-")
    words = "".join(char if char.isascii() else f"\\[u{ord(char):04X}]" for char in words)
    return "\\&" + words if words[:1] in (".", "'") else words or "\\&"


def _lines(lines: Iterator[str]) -> str:
    return "\n".join(lines) + "\n"
