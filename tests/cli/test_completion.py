"""`orderctl completion`, driven by the shells themselves where they are installed."""

from __future__ import annotations

import io
import os
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from orderctl.cli.main import main
from orderctl.completion.shells import SCRIPTS
from tests.cli.support import new_app, run, write_config
from tests.docs.pages import ROOT
from tests.fakes.executions import MACHINE, FakeExecutions
from tests.fakes.histories import SUCCEEDED

CONFIG = f"""\
default_env = "prod"
[env.prod]
region = "eu-west-1"
[env.prod.resources]
state_machine = "{MACHINE}"
[env.staging]
region = "eu-west-1"
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home in which orders have been listed once."""
    write_config(tmp_path, CONFIG)
    app = new_app(tmp_path)
    executions = FakeExecutions(app.clock)  # type: ignore[arg-type]
    for name in ("o-1", "o-2", "p-3"):
        executions.run(name, SUCCEEDED)
    app.executions = executions
    assert run(app, "orders", "list").code == 0
    return tmp_path


def offered(home: Path, line: str) -> list[str]:
    """What bash would be given for `orderctl LINE`."""
    app = new_app(home)
    assert main(["__complete", "bash", f"orderctl {line}", str(len(f"orderctl {line}".encode()))], app) == 0
    assert isinstance(app.out, io.StringIO)
    return app.out.getvalue().splitlines()


def test_nouns_verbs_options_and_values_are_offered(home: Path) -> None:
    assert offered(home, "ord") == ["orders"]
    assert {"watch", "list", "submit"} <= set(offered(home, "orders "))
    assert offered(home, "orders list --status") == ["--status"]
    assert offered(home, "orders watch o") == ["o-1", "o-2"]
    assert offered(home, "orders watch ") == ["@latest", "o-1", "o-2", "p-3"]
    assert offered(home, "orders watch --env staging ") == ["@latest"]
    assert offered(home, "--env ") == ["prod", "staging"]
    assert offered(home, "config use s") == ["staging"]
    assert offered(home, "dlq list -o js") == ["json", "jsonl"]
    assert offered(home, "config set resources.inv") == ["resources.inventory_table"]
    assert offered(home, "orders submit --file ") == [":files"]


def test_what_was_learnt_under_one_tree_of_commands_is_read_from_the_cache(home: Path) -> None:
    assert offered(home, "ord") == ["orders"]
    cache = home / "cache" / "orderctl" / "completion-tree.json"
    cache.write_text(cache.read_text().replace('"orders"', '"orderz"'))
    assert offered(home, "ord") == ["orderz"]
    cache.write_text('{"stamp": "of another version", "tree": {}}')
    assert offered(home, "ord") == ["orders"]


def test_a_tab_imports_neither_typer_nor_boto3_and_says_nothing_on_stderr(home: Path) -> None:
    offered(home, "")
    program = (
        "import sys; sys.argv = ['orderctl', '__complete', 'bash', 'orderctl orders watch ', '22']\n"
        "from orderctl.__main__ import run\n"
        "try: run()\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'typer', 'boto3', 'botocore', 'rich', 'pydantic', 'orderctl.cli.framework'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    environ = {**new_app(home).environ, "PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "@latest\no-1\no-2\np-3\n"


@pytest.mark.parametrize("damage", ["config", "cache", "arguments"])
def test_what_is_broken_offers_less_and_says_nothing(home: Path, damage: str) -> None:
    if damage == "config":
        write_config(home, "[env\n")
    if damage == "cache":
        shutil.rmtree(home / "cache")
        (home / "cache").write_text("a file in the way")
    app = new_app(home)
    main(["__complete", "bash"] if damage == "arguments" else ["__complete", "bash", "orderctl --env ", "15"], app)
    assert isinstance(app.err, io.StringIO)
    assert app.err.getvalue() == ""


@pytest.mark.parametrize("shell", SCRIPTS)
def test_the_script_is_printed_as_it_is_installed(tmp_path: Path, shell: str) -> None:
    assert run(new_app(tmp_path), "completion", shell).out == SCRIPTS[shell]


@pytest.mark.parametrize(
    ("shell", "place"),
    [
        ("bash", ".local/share/bash-completion/completions/orderctl"),
        ("zsh", ".local/share/zsh/site-functions/_orderctl"),
        ("fish", "config/fish/completions/orderctl.fish"),
    ],
)
def test_install_writes_once_to_the_place_the_shell_reads(tmp_path: Path, shell: str, place: str) -> None:
    path = tmp_path / place
    first = run(new_app(tmp_path, environ={"SHELL": f"/usr/bin/{shell}"}), "completion", "install")
    assert (first.code, first.out) == (0, f"{shell}\t{path}\ttrue\n")
    assert path.read_text() == SCRIPTS[shell]
    before = path.stat().st_mtime_ns
    again = run(new_app(tmp_path), "completion", "install", shell)
    assert (again.code, again.out) == (0, f"{shell}\t{path}\tfalse\n")
    assert path.stat().st_mtime_ns == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(("argv", "shell"), [(["tcsh"], ""), ([], "/bin/tcsh"), ([], "")])
def test_a_shell_without_completion_is_a_usage_error(tmp_path: Path, argv: list[str], shell: str) -> None:
    done = run(new_app(tmp_path, environ={"SHELL": shell}), "completion", "install", *argv)
    assert done.code == 2
    assert done.err.endswith("hint: one of: bash, zsh, fish\n")


def in_shell(home: Path, shell: str, script: str) -> list[str]:
    """Run a script in a real shell, with `orderctl` on the path."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    programs = home / "bin"
    programs.mkdir(exist_ok=True)
    program = programs / "orderctl"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m orderctl "$@"\n')
    program.chmod(0o755)
    environ = {**new_app(home).environ, "PYTHONPATH": str(ROOT), "PATH": f"{programs}:{os.environ['PATH']}"}
    options = ["--norc", "--noprofile"] if shell == "bash" else ["-f"] if shell == "zsh" else ["--no-config"]
    done = subprocess.run(
        [shell, *options, "-c", script], env=environ, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


BASH = """
source <(orderctl completion bash)
COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
tab() {
    COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDS=($1) COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
    _orderctl orderctl
    printf '%s,' "${COMPREPLY[@]}"
    echo
}
complete -p orderctl
tab 'orderctl conf'
tab 'orderctl orders watch o-'
tab 'orderctl orders list --env=st'
tab 'orderctl orders watch $(touch oh-no)'
"""


def test_bash_completes(home: Path) -> None:
    assert in_shell(home, "bash", BASH) == [
        "complete -F _orderctl orderctl",
        "config,",
        "o-1,o-2,",
        "staging,",
        ",",
    ]
    assert not Path("oh-no").exists()


FISH = """
orderctl completion fish | source
complete --do-complete 'orderctl conf' | string split -f1 \\t
complete --do-complete 'orderctl orders watch o-'
complete --do-complete 'orderctl orders list --env=st'
"""


def test_fish_completes(home: Path) -> None:
    assert in_shell(home, "fish", FISH) == ["config", "o-1", "o-2", "--env=staging"]


ZSH = """
source <(orderctl completion zsh)
compdef() { :; }
_describe() { shift 2; print -l -- "${(@P)1}"; }
_files() { print files; }
words=(orderctl conf) CURRENT=2; _orderctl
words=(orderctl orders watch o-) CURRENT=4; _orderctl
words=(orderctl orders list --env=st) CURRENT=4; _orderctl
words=(orderctl orders submit --file '') CURRENT=5; _orderctl
"""


def test_zsh_completes(home: Path) -> None:
    script = ZSH.replace("source <(", "compdef() { :; }\nsource <(", 1)
    assert in_shell(home, "zsh", script) == [
        "config:The environments orderctl knows.",
        "o-1",
        "o-2",
        "--env=staging",
        "files",
    ]


def test_an_environment_whose_name_a_shell_would_run_is_not_offered(home: Path) -> None:
    write_config(home, '[env.prod]\n[env."$(id)"]\n[env."*"]\n[env."a b"]\n')
    app = new_app(home)
    main(["__complete", "zsh", "--env", ""], app)
    assert isinstance(app.out, io.StringIO)
    assert app.out.getvalue() == "prod\n"
