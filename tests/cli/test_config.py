from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.support import new_app, run, write_config

TWO = """\
default_env = "dev"  # mine

[env.dev]
region = "eu-west-1"

[env.prod]   # careful
region = "ap-northeast-1"
account_id = "123456789012"
protected = true

[env.prod.resources]
event_bus = "orders"
"""


def test_list_marks_the_environment_in_force(tmp_path: Path) -> None:
    write_config(tmp_path, TWO)
    done = run(new_app(tmp_path), "config", "list", "--query", "[?selected].name")
    assert (done.code, done.out) == (0, "dev\n")
    named = run(new_app(tmp_path), "config", "list", "--env", "prod", "--query", "[?selected].name")
    assert named.out == "prod\n"


def test_show_says_where_each_value_comes_from(tmp_path: Path) -> None:
    path = write_config(tmp_path, TWO)
    app = new_app(tmp_path, environ={"ORDERCTL_EVENT_BUS": "other"})
    done = run(app, "config", "show", "--origin", "--env", "prod", "--region", "us-east-1", "-o", "json")
    origins = {row["key"]: (row["value"], row["origin"]) for row in json.loads(done.out)}
    assert origins["region"] == ("us-east-1", "--region")
    assert origins["resources.event_bus"] == ("other", "$ORDERCTL_EVENT_BUS")
    assert origins["account_id"] == ("123456789012", f"{path} [env.prod]")
    assert origins["auth.flow"] == ("srp", "default")


def test_set_keeps_the_comments(tmp_path: Path) -> None:
    path = write_config(tmp_path, TWO)
    assert run(new_app(tmp_path), "config", "set", "resources.state_machine", "arn:x", "--env", "prod").code == 0
    assert path.read_text() == TWO + 'state_machine = "arn:x"\n'


def test_an_empty_value_removes_the_key(tmp_path: Path) -> None:
    path = write_config(tmp_path, TWO)
    assert run(new_app(tmp_path), "config", "set", "region", "", "--env", "dev").code == 0
    assert 'region = "eu-west-1"' not in path.read_text()


def test_use_selects_and_keeps_the_rest(tmp_path: Path) -> None:
    path = write_config(tmp_path, TWO)
    assert run(new_app(tmp_path), "config", "use", "prod").code == 0
    assert path.read_text() == TWO.replace('default_env = "dev"', 'default_env = "prod"')


def test_init_writes_an_environment_and_selects_the_first(tmp_path: Path) -> None:
    assert run(new_app(tmp_path), "config", "init", "prod", "--region", "eu-west-1", "--protected").code == 0
    written = (tmp_path / "config/orderctl/config.toml").read_text()
    assert written == 'default_env = "prod"\n\n[env.prod]\nregion = "eu-west-1"\nprotected = true\n'
    assert run(new_app(tmp_path), "config", "init", "prod").code == 5


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[env.prod]\nprotcted = true\n", ":2: unknown key 'protcted'\nhint: did you mean 'protected'?"),
        ("\n[env.prod]\nregion = 'x'\n[env.prod.auth]\nflow = 'srb'\n", ":5: auth.flow cannot be 'srb'\nhint: one of:"),
        ("[env.prod]\nprotected = 'yes'\n", ":2: protected takes true or false, not 'yes'"),
        ("[env.prod]\naccount_id = 123456789012\n", ":2: account_id takes a string"),
        ("[env.prod]\naccount_id = '123'\n", ":2: account_id takes 12 digits in quotes"),
        ("defualt_env = 'x'\n", ":1: unknown key 'defualt_env'\nhint: did you mean 'default_env'?"),
        ("[env.prod]\nregion = \n", ":2: Invalid value, column 10"),
        ("[env.prod]\nregion = 'x", ':2: Expected "\'"'),
        ("[env.prod\n", ":1: Expected ']' at the end of a table declaration"),
        ("[env]\nprod = 1\n", ":2: env.prod takes a table [env.prod]"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_line(tmp_path: Path, text: str, error: str) -> None:
    path = write_config(tmp_path, text)
    done = run(new_app(tmp_path), "config", "list")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"orderctl: {path}{error}")


def test_an_unknown_environment_suggests_the_nearest(tmp_path: Path) -> None:
    write_config(tmp_path, TWO)
    for argv, environ in ((["--env", "prdo"], {}), ([], {"ORDERCTL_ENV": "prdo"})):
        done = run(new_app(tmp_path, environ=environ), "config", "show", *argv)
        assert (done.code, done.err) == (2, "orderctl: no environment named 'prdo'\nhint: did you mean 'prod'?\n")


def test_a_file_that_is_not_understood_is_not_written(tmp_path: Path) -> None:
    path = write_config(tmp_path, "[env.prod]\nprotcted = true\n")
    assert run(new_app(tmp_path), "config", "set", "region", "x", "--env", "prod").code == 2
    assert path.read_text() == "[env.prod]\nprotcted = true\n"


def test_the_local_environment_ignores_the_shell_s_aws_variables(tmp_path: Path) -> None:
    write_config(tmp_path, "[env.local]\nlocal = true\nregion = 'eu-west-1'\nendpoint_url = 'http://127.0.0.1:1'\n")
    environ = {"AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": "https://example.com", "AWS_PROFILE": "prod"}
    app = new_app(tmp_path, environ=environ)
    done = run(app, "config", "show", "--env", "local", "-o", "json")
    values = {row["key"]: row["value"] for row in json.loads(done.out)}
    assert (values["region"], values["endpoint_url"]) == ("eu-west-1", "http://127.0.0.1:1")
    assert "profile" not in values


def test_a_file_that_is_named_has_to_be_there(tmp_path: Path) -> None:
    missing = str(tmp_path / "nonexistent.toml")
    for argv, environ in ((["--config", missing], {}), ([], {"ORDERCTL_CONFIG": missing})):
        done = run(new_app(tmp_path, environ=environ), *argv, "config", "list", "-o", "json")
        assert (done.code, done.out) == (2, "")
        named = "--config" if argv else "$ORDERCTL_CONFIG"
        assert json.loads(done.err)["message"] == f"there is no configuration file {missing}, which {named} names"


def test_init_makes_the_file_that_is_named(tmp_path: Path) -> None:
    named = tmp_path / "other.toml"
    assert run(new_app(tmp_path), "config", "init", "dev", "--config", str(named)).code == 0
    assert run(new_app(tmp_path), "config", "list", "--config", str(named), "--query", "[].name").out == "dev\n"


def test_a_command_to_run_next_works_in_the_same_place(tmp_path: Path) -> None:
    app = new_app(tmp_path)
    run(app, "--region", "eu-west-1", "help", "output", "--env", "prod", "--endpoint-url", "http://127.0.0.1:1")
    assert app.command("orders", "watch", "o 1") == (
        "orderctl orders watch 'o 1' --env prod --region eu-west-1 --endpoint-url http://127.0.0.1:1"
    )
