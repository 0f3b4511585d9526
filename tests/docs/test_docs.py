"""The documentation against the code: generated pages, commands, field names, links."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orderctl.audit.models import Change
from orderctl.auth.models import AuthStatus
from orderctl.cli.framework import Root
from orderctl.cli.main import NOUNS
from orderctl.context import App
from orderctl.dlq.export import Exported
from orderctl.dlq.look import Group
from orderctl.dlq.move_tasks import MoveTask
from orderctl.dlq.overview import Overview
from orderctl.dlq.plan import Line, Plan
from orderctl.dlq.tally import Tally
from orderctl.events.models import Published
from orderctl.events.replay import Replay
from orderctl.events.tap import Tailed
from orderctl.events.trial import Received, Tried
from orderctl.inventory.models import Seeded
from orderctl.inventory.shelf import Adjusted
from orderctl.local.models import LocalStatus
from orderctl.orders.batch import BatchLine
from orderctl.orders.explain import Explained, StateLine
from orderctl.orders.models import Execution
from orderctl.orders.redrive import Acted
from orderctl.orders.watching import Step
from orderctl.stack.ports import Stack
from orderctl.users.models import RowReport
from tests.docs.pages import DOCS, PAGES, ROOT, anchors, generator, links, orderctl_calls, shell_lines

if TYPE_CHECKING:
    from typer._click import Command, Context

GENERATED: dict[str, str] = generator().pages()
CALLS = [
    (page.name, line.text, call) for page in PAGES for line in shell_lines(page) for call in orderctl_calls(line.text)
]
MODELS: dict[str, type] = {
    "`orders submit`": Execution,
    "`orders show`": Explained,
    "`orders show`, each of `states`": StateLine,
    "`orders history`": Step,
    "`orders submit --batch`": BatchLine,
    "`orders stop`, `orders redrive`": Acted,
    "`dlq list`": Overview,
    "`dlq inspect --group-by`": Group,
    "`dlq redrive --dry-run`, each of `lines`": Line,
    "`dlq export --file FILE`": Exported,
    "`dlq tasks`": MoveTask,
    "`events publish`": Published,
    "`events test`": Tried,
    "`events test`, each of `targets`": Received,
    "`events tail`": Tailed,
    "`events replay`": Replay,
    "`inventory adjust`": Adjusted,
    "`inventory seed`, each of its lists": Seeded,
    "`users import`": RowReport,
    "`auth login`, `auth status`": AuthStatus,
    "`audit`": Change,
    "`stack status`": Stack,
    "`local up`, `local down`, `local status`, `local reset`": LocalStatus,
}


def understood(arguments: Sequence[str]) -> Command:
    """The verb that a command line names; raises typer's own complaint. Nothing is run."""
    app = App(environ={}, stdin=io.StringIO(), out=io.StringIO(), err=io.StringIO())
    command: Command = Root(NOUNS, name="orderctl", no_args_is_help=True, rich_markup_mode=None)
    context: Context = command.make_context("orderctl", list(arguments), obj=app)
    while hasattr(command, "resolve_command"):
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, rest, parent=context)
    return command


@pytest.mark.parametrize("name", GENERATED)
def test_a_generated_page_is_what_make_docs_would_write_now(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == GENERATED[name], "run: make docs"


def test_the_generated_pages_depend_on_neither_width_nor_environment() -> None:
    code = "import runpy; pages = runpy.run_path('docs/generate.py')['pages']; print(pages())"
    ran = [
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, check=True).stdout
        for env in (
            {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "COLUMNS": "20", "TERM": "dumb", "PYTHONHASHSEED": "1"},
            {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "COLUMNS": "300", "FORCE_COLOR": "1", "ORDERCTL_ENV": "x"},
        )
    ]
    assert ran[0] == ran[1]


def test_there_is_a_manual_page_for_every_noun_and_no_other() -> None:
    wanted = {"orderctl.1", *(f"orderctl-{noun}.1" for noun in NOUNS)}
    assert {page.name for page in (DOCS / "man").iterdir()} == wanted


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_the_manual_pages_are_set_without_a_warning() -> None:
    pages = sorted(str(page) for page in (DOCS / "man").glob("*.1"))
    done = subprocess.run(["groff", "-man", "-ww", "-Tutf8", *pages], capture_output=True, check=True)
    assert done.stderr == b""
    assert done.stdout


def test_every_page_of_commands_is_read() -> None:
    assert len(CALLS) > 60, "the blocks have another form: the tests below read nothing"


@pytest.mark.parametrize(("page", "line", "call"), CALLS, ids=[f"{page}: {line}" for page, line, _ in CALLS])
def test_a_command_in_the_documentation_exists(page: str, line: str, call: list[str]) -> None:
    understood(call)


def test_a_wrong_command_would_be_noticed() -> None:
    from typer.exceptions import TyperException

    for wrong in ("orders sbmit", "orders list --stauts FAILED", "orders show", "dlq redrive Q --max many", "nothing"):
        with pytest.raises(TyperException):
            understood(wrong.split())


def test_what_the_readme_says_is_missing_is_missing() -> None:
    """Where this fails a command was added: take it out of the README's list."""
    from typer.exceptions import TyperException

    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## What does not exist")[1].split("\n## ")[0]
    missing = re.findall(r"`orderctl ([^`]+)`", section)
    assert missing
    for command in missing:
        with pytest.raises(TyperException, match=r"No such (command|option)"):
            understood(command.split())


@pytest.mark.parametrize("command", MODELS)
def test_the_page_on_output_names_every_field_of(command: str) -> None:
    assert _documented(command) == [field.name for field in fields(MODELS[command])]


def test_the_page_on_output_names_every_field_of_a_redrive() -> None:
    assert _documented("`dlq redrive`") == list(Tally("run").document())
    plan = [field.name for field in fields(Plan)]
    assert _documented("`dlq redrive --dry-run`") == [*plan, "engine"]


def _documented(command: str) -> list[str]:
    rows = (DOCS / "output.md").read_text(encoding="utf-8").splitlines()
    row = next(row for row in rows if row.startswith(f"| {command} |"))
    return re.findall(r"`([^`]+)`", row.removeprefix(f"| {command} |"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{page.name}: {link}"
        assert not anchor or anchor in anchors(target), f"{page.name}: {link}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_names_a_folder_of_somebody_s_machine(page: Path) -> None:
    found = re.findall(r"(?<![\w.~])/(?:home|root|tmp|work|Users|var/folders)/\S*", page.read_text(encoding="utf-8"))
    assert not found


def test_every_page_is_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in reached and page.suffix == ".md":
            reached.add(page)
            waiting += [(page.parent / link.partition("#")[0]).resolve() for link in links(page) if link[0] != "#"]
    assert set(PAGES) <= reached
