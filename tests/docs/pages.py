"""The pages of the documentation: their code blocks, their commands, their links."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_EXPECTED = re.compile(r"#\s*exit code (\d+)\s*$")


@dataclass(frozen=True)
class ShellLine:
    """A line somebody would type, and the exit code the page says it has."""

    text: str
    exit_code: int


def generator() -> ModuleType:
    """`docs/generate.py`, which lies in no package."""
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shell_lines(page: Path) -> Iterator[ShellLine]:
    """What is typed in the page's `sh` and `console` blocks, in order."""
    for kind, block in _BLOCK.findall(page.read_text(encoding="utf-8")):
        for line in block.splitlines():
            typed = line if kind == "sh" else line[2:] if kind == "console" and line.startswith("$ ") else ""
            if typed.strip():
                found = _EXPECTED.search(typed)
                yield ShellLine(typed, int(found[1]) if found else 0)


def orderctl_calls(line: str) -> Iterator[list[str]]:
    """The arguments of every `orderctl` on a line, whatever it is piped into or redirected to."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    call: list[str] | None = None
    for word in [*lexer, ";"]:
        if set(word) <= set("();<>|&"):
            if call is not None:
                yield call
            call = None
        elif call is not None:
            call.append(word)
        elif word == "orderctl":
            call = []


def links(page: Path) -> Iterator[str]:
    """Where the page's links lead, addresses of other sites left out."""
    prose = _BLOCK.sub("", page.read_text(encoding="utf-8"))
    yield from (target for target in _LINK.findall(prose) if "://" not in target)


def anchors(page: Path) -> set[str]:
    """What a link into the page can name, made of headings as GitHub makes it."""
    prose = _BLOCK.sub("", page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in _HEADING.findall(prose)}
