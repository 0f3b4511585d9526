"""The dependency directions of the house, read from the imports themselves."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "orderctl"
NOUNS = ("users", "orders", "events", "dlq", "inventory", "auth", "stack", "local")
DEPLOYED = ("stack/functions", "stack/layers")
"""Code that runs in AWS Lambda; it is shipped by orderctl, not imported by it."""

HEAVY = ("boto3", "botocore", "rich", "pydantic", "tenacity", "urllib3", "jmespath", "tomlkit", "ministack")


def modules() -> list[Path]:
    found = [path for path in ROOT.rglob("*.py") if not str(path.relative_to(ROOT)).startswith(DEPLOYED)]
    assert len(found) > 20, "the house has moved: this test reads nothing"
    return sorted(found)


def imports(path: Path, *, at_top: bool = False) -> Iterator[str]:
    """Modules imported; with `at_top`, only what importing the module costs (not in bodies, not for types)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
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
        if here != "cli" and here != "__main__":
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
