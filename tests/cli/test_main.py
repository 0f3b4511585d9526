from __future__ import annotations

import errno
import io
import json
from pathlib import Path

import pytest

from orderctl.cli.main import PIPE_CLOSED, main
from tests.cli.support import new_app, run


class ClosedPipe(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


class FullDisk(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_an_unknown_noun_is_a_usage_error_with_the_nearest_name(tmp_path: Path) -> None:
    done = run(new_app(tmp_path), "confg", "list")
    assert (done.code, done.out) == (2, "")
    assert done.err == "orderctl: No such command 'confg'. Did you mean 'config'?\nhint: orderctl --help\n"


def test_an_unknown_option_names_the_command_whose_help_to_read(tmp_path: Path) -> None:
    done = run(new_app(tmp_path), "config", "list", "--al")
    assert done.code == 2
    assert done.err.endswith("hint: orderctl config list --help\n")


def test_no_command_prints_the_help_on_stderr(tmp_path: Path) -> None:
    done = run(new_app(tmp_path))
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Usage: orderctl")


def test_common_options_mean_the_same_before_and_after_the_noun(tmp_path: Path) -> None:
    before = run(new_app(tmp_path), "-o", "json", "help", "exit-codes")
    between = run(new_app(tmp_path), "help", "-o", "json", "exit-codes")
    after = run(new_app(tmp_path), "help", "exit-codes", "-o", "json")
    assert before == between == after
    assert json.loads(after.out)[0] == {"exit_code": 0, "meaning": "done"}


def test_the_option_given_last_wins(tmp_path: Path) -> None:
    assert run(new_app(tmp_path), "-o", "json", "help", "exit-codes", "-o", "csv").out.startswith("exit_code,meaning\n")


def test_the_format_comes_from_the_environment_when_no_flag_names_it(tmp_path: Path) -> None:
    app = new_app(tmp_path, environ={"ORDERCTL_OUTPUT": "jsonl"})
    assert json.loads(run(app, "help", "exit-codes").out.splitlines()[0])["exit_code"] == 0


def test_an_error_is_one_json_object_where_a_program_reads(tmp_path: Path) -> None:
    for position in (["-o", "json", "config", "use", "prod"], ["config", "use", "prod", "-ojson"]):
        done = run(new_app(tmp_path), *position)
        assert done.code == 2
        assert json.loads(done.err) == {
            "code": "usage",
            "message": "no environment named 'prod'",
            "hint": "configured: none yet: run 'orderctl config init' or 'orderctl local up'",
            "exit_code": 2,
        }


def test_even_a_line_that_was_not_understood_ends_in_json_when_json_was_asked_for(tmp_path: Path) -> None:
    done = run(new_app(tmp_path), "config", "lst", "--output=json")
    assert json.loads(done.err)["exit_code"] == 2


def test_an_unknown_format_is_refused_before_the_command_does_anything(tmp_path: Path) -> None:
    done = run(new_app(tmp_path), "help", "exit-codes", "-o", "yaml")
    assert (done.code, done.out) == (2, "")


def test_a_query_that_is_not_jmespath_is_a_usage_error(tmp_path: Path) -> None:
    assert run(new_app(tmp_path), "help", "exit-codes", "--query", "[[").code == 2


def test_a_closed_pipe_ends_quietly(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    app.out = ClosedPipe()
    assert main(["help", "exit-codes"], app) == PIPE_CLOSED
    assert isinstance(app.err, io.StringIO)
    assert app.err.getvalue() == ""


def test_a_full_disk_is_an_error_and_not_a_traceback(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    app.out = FullDisk()
    assert main(["help", "exit-codes"], app) == 1
    assert isinstance(app.err, io.StringIO)
    assert app.err.getvalue().startswith("orderctl: No space left on device\n")


@pytest.mark.parametrize(
    ("argv", "environ", "terminal", "is_coloured"),
    [
        ([], {}, True, True),
        ([], {}, False, False),
        ([], {"NO_COLOR": "1"}, True, False),
        ([], {"FORCE_COLOR": "1"}, False, True),
        ([], {"CLICOLOR": "0"}, True, False),
        ([], {"CLICOLOR_FORCE": "1"}, False, True),
        ([], {"TERM": "dumb"}, True, False),
        (["--color", "always"], {"NO_COLOR": "1"}, False, True),
        (["--color", "never"], {"FORCE_COLOR": "1"}, True, False),
    ],
)
def test_colour_is_decided_by_flag_variables_and_terminal(
    tmp_path: Path, argv: list[str], environ: dict[str, str], terminal: bool, is_coloured: bool
) -> None:
    app = new_app(tmp_path, environ=environ, terminal=terminal)
    assert ("\x1b[" in run(app, "help", "exit-codes", "-o", "table", *argv).out) is is_coloured


def test_a_format_for_programs_is_never_coloured(tmp_path: Path) -> None:
    for form in ("tsv", "csv", "json", "jsonl"):
        app = new_app(tmp_path, environ={"FORCE_COLOR": "1"}, terminal=True)
        assert "\x1b" not in run(app, "help", "exit-codes", "-o", form, "--color", "always").out


def test_a_dumb_terminal_is_not_redrawn(tmp_path: Path) -> None:
    assert new_app(tmp_path, terminal=True).renderer.is_live
    assert not new_app(tmp_path, terminal=True, environ={"TERM": "dumb"}).renderer.is_live


def test_an_unknown_colour_is_a_usage_error(tmp_path: Path) -> None:
    assert run(new_app(tmp_path), "help", "exit-codes", "--color", "pink").code == 2
