"""The dependency directions of the house, read from the imports themselves."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "orderctl"
NOUNS = ("users", "orders", "events", "dlq", "inventory", "auth", "stack", "local", "audit", "doctor", "top")
NEIGHBOURS: dict[str, str] = {
    "dlq -> events.transform": "a target's input is made as EventBridge makes it, in one place",
    "events -> orders.order": "an OrderCreated event holds what an order holds",
    "orders -> users.api_errors": "an order that goes in by the API gets the same answers as a user does",
    "orders -> users.ports": "the same authorised way to an API",
    "doctor -> *": "the doctor looks at every room",
    "top -> *": "one screen about every room",
    "local -> dlq.*": "a drill puts letters that dlq has to understand",
    "local -> inventory.*": "the local stack comes with stock",
    "local -> stack.*": "what is deployed locally is the reference stack",
}
"""Where a noun may look into another one's room, each with its reason. A new line here is a decision."""

ADAPTERS_CALL: dict[str, str] = {
    "orderctl.orders.names": "how an order's id stands in an execution's ARN is told in one place",
    "orderctl.auth.binding.check_address": "nothing is signed for an address that no token may go to",
}
"""What of a noun an adapter may call; else it takes types and constants only."""

DEPLOYED = ("stack/functions", "stack/layers")
"""Code that runs in AWS Lambda; it is shipped by orderctl, not imported by it."""

HEAVY = ("boto3", "botocore", "rich", "pydantic", "tenacity", "urllib3", "jmespath", "tomlkit", "ministack")


def modules() -> list[Path]:
    found = [path for path in ROOT.rglob("*.py") if not str(path.relative_to(ROOT)).startswith(DEPLOYED)]
    assert len(found) > 20, "the house has moved: this test reads nothing"
    return sorted(found)


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path, *, at_top: bool = False) -> Iterator[str]:
    """Modules imported; with `at_top`, only what importing the module costs (not in bodies, not for types)."""
    tree = parsed(path)
    skipped: set[ast.AST] = set()
    if at_top:
        for node in ast.walk(tree):
            is_types_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or is_types_only:
                skipped.update(child for child in ast.walk(node) if child is not node)
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_below(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_in_the_allowed_direction(path: Path) -> None:
    here = room(path)
    for name in imports(path):
        if here not in ("cli", "__main__"):
            assert not is_below(name, "orderctl.cli", "typer"), f"{path}: {name}"
        if here not in ("aws", "cli", "__main__", "context"):
            assert not is_below(name, "boto3", "botocore", "orderctl.aws"), f"{path}: {name}"
        if here not in ("render", "cli", "context"):
            assert not is_below(name, "rich", "orderctl.render"), f"{path}: {name}"
        if here not in ("cli", "__main__", "context"):
            assert not is_below(name, "orderctl.context"), f"{path}: {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_importing_a_module_costs_nothing_heavy(path: Path) -> None:
    for name in imports(path, at_top=True):
        assert not is_below(name, *HEAVY), f"{path} imports {name} at its top"


@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["dlq", "--help"], ["orders", "submit", "--help"], ["help", "exit-codes"]]
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    program = (
        f"import sys; sys.argv = ['orderctl', *{arguments!r}]\n"
        "from orderctl.__main__ import run\n"
        "try: run()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def neighbour(path: Path, name: str) -> str | None:
    """`dlq -> events.transform` where a noun's module imports from another noun's room."""
    here, (top, *below) = room(path), name.split(".")
    if here not in NOUNS or top != "orderctl" or not below or below[0] not in (set(NOUNS) - {here}):
        return None
    is_module = len(below) > 1 and ROOT.joinpath(below[0], below[1]).with_suffix(".py").exists()
    return f"{here} -> {'.'.join(below[:2] if is_module else below[:1])}"


def test_a_noun_looks_into_another_one_s_room_only_where_that_was_decided() -> None:
    found = {look: path for path in modules() for name in imports(path) if (look := neighbour(path, name))}
    unknown = {
        look: str(path)
        for look, path in found.items()
        if not any(fnmatchcase(f"{look}.", f"{decided}.") for decided in NEIGHBOURS)
    }
    assert not unknown, "give the reason in NEIGHBOURS, or go another way"


def test_an_adapter_takes_types_and_constants_of_a_noun_and_calls_no_service() -> None:
    for path in modules():
        for name in imports(path) if room(path) == "aws" else ():
            called = is_below(name, *(f"orderctl.{noun}" for noun in NOUNS)) and not is_type_or_constant(name)
            assert not called or name in ADAPTERS_CALL, f"{path} calls {name}"


def is_type_or_constant(name: str) -> bool:
    *module, last = name.split(".")[1:]
    file = ROOT.joinpath(*module).with_suffix(".py")
    if not file.exists():
        return False
    tree = parsed(file)
    return not any(isinstance(node, ast.FunctionDef) and node.name == last for node in tree.body)


def test_no_import_is_relative() -> None:
    """They would slip past every test here."""
    for path in modules():
        for node in ast.walk(parsed(path)):
            assert not isinstance(node, ast.ImportFrom) or node.level == 0, f"{path}:{node.lineno}"


def test_a_noun_s_front_door_imports_no_service_before_a_verb_is_run() -> None:
    """Help and completion load it: of the nouns' rooms it may take the models that options are typed with."""
    doors = [path for path in modules() if room(path) == "cli" and path.stem in {*NOUNS, "config", "help"}]
    seen: set[Path] = set()
    while doors:
        path = doors.pop()
        if path in seen:
            continue
        seen.add(path)
        for name in imports(path, at_top=True):
            parts = name.split(".")
            if is_below(name, *(f"orderctl.{noun}" for noun in NOUNS)):
                assert parts[2:3] in (["models"], ["modes"]), f"{path} imports {name} at its top"
            elif is_below(name, "orderctl.cli") and len(parts) > 2:
                doors += [file for file in [ROOT / "cli" / f"{parts[2]}.py"] if file.exists()]


def test_version_is_answered_before_typer_is_imported() -> None:
    program = "import sys; sys.argv = ['orderctl', '--version']\nfrom orderctl.__main__ import run; run()\n"
    program += "sys.exit('typer' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], stdout=subprocess.DEVNULL, check=False).returncode == 0


def test_nothing_is_patched_in_a_test() -> None:
    for path in Path(__file__).parent.rglob("test_*.py"):
        text = path.read_text(encoding="utf-8")
        if path.name != Path(__file__).name:
            assert "monkeypatch." not in text, f"{path} patches instead of passing a fake"
            assert "mock.patch" not in text, f"{path} patches instead of passing a fake"
