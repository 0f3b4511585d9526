from __future__ import annotations

import contextlib
import json
import os
import pty
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.auth.helpers import PASSWORD
from tests.cli.signed_in import World, world
from tests.cli.support import new_app, write_config
from tests.docs.pages import ROOT


@pytest.fixture
def w(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def _private(path: Path, text: str) -> str:
    path.touch(mode=0o600)
    path.write_text(text)
    return str(path)


def test_login_keeps_the_tokens_and_says_where_they_may_go(w: World) -> None:
    done = w.run("auth", "login", "--username", "ada", "--password-stdin", "-o", "json", stdin=PASSWORD + "\n")
    assert done.code == 0, done.err
    shown = json.loads(done.out)
    assert (shown["username"], shown["signed_in"], shown["token_file"]) == ("ada", True, str(w.token_file))
    assert shown["api_origins"] == [w.api.url]
    assert w.token_file.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in repr(w.pool.calls), "SRP is the default: the password is not sent"


def test_a_wrong_password_is_exit_4_and_keeps_nothing(w: World) -> None:
    done = w.run("auth", "login", "--username", "ada", "--password-stdin", stdin="wrong-canary")
    assert (done.code, done.out) == (4, "")
    assert done.err == "orderctl: wrong user name or password\nhint: orderctl auth login\n"
    assert not w.token_file.exists()


def test_the_password_may_come_from_a_private_file_only(w: World) -> None:
    file = _private(w.home / "password", PASSWORD + "\n")
    assert w.run("auth", "login", "--username", "ada", "--password-file", file).code == 0
    os.chmod(file, 0o644)
    refused = w.run("auth", "login", "--username", "ada", "--password-file", file)
    assert refused.code == 7
    assert f"chmod 600 {file}" in refused.err
    assert w.run("auth", "login", "--username", "ada", "--password-file", file + "x").code == 3


def test_without_a_terminal_the_missing_flag_is_named(w: World) -> None:
    done = w.run("auth", "login", "--username", "ada")
    assert done.code == 7
    assert "--password-stdin" in done.err
    assert "--username" in w.run("auth", "login", "--password-stdin", stdin="x").err


def test_at_a_terminal_it_asks(w: World) -> None:
    done = w.run("auth", "login", stdin=f"ada\n{PASSWORD}\n", terminal=True)
    assert done.code == 0
    assert done.err == "User name: Password: "


def test_the_environment_names_the_user(w: World) -> None:
    done = w.run("auth", "login", "--password-stdin", stdin=PASSWORD, ORDERCTL_USERNAME="ada")
    assert done.code == 0


def test_a_second_factor_is_chosen_and_typed_at_the_terminal(w: World) -> None:
    user = w.pool.add_user("grace", PASSWORD)
    user.challenges += [
        ("SELECT_MFA_TYPE", {"MFAS_CAN_CHOOSE": '["SMS_MFA", "SOFTWARE_TOKEN_MFA"]'}, {"ANSWER": "SMS_MFA"}),
        ("SMS_MFA", {"CODE_DELIVERY_DESTINATION": "+*** 12"}, {"SMS_MFA_CODE": "123456"}),
    ]
    typed = f"{PASSWORD}\nnone\n1\n123456\n"
    done = w.run("auth", "login", "--username", "grace", stdin=typed, terminal=True)
    assert done.code == 0, done.err
    assert "Second factor (1 SMS_MFA, 2 SOFTWARE_TOKEN_MFA): " in done.err
    assert "Code sent by text message (+*** 12): " in done.err


LOGIN = ("auth", "login", "--username", "grace", "--password-stdin")


@pytest.fixture
def mfa(w: World) -> World:
    """Grace's sign-in asks for a factor, and then for its code."""
    user = w.pool.add_user("grace", PASSWORD)
    user.challenges += [
        ("SELECT_MFA_TYPE", {"MFAS_CAN_CHOOSE": '["SMS_MFA", "SOFTWARE_TOKEN_MFA"]'}, {"ANSWER": "SOFTWARE_TOKEN_MFA"}),
        ("SOFTWARE_TOKEN_MFA", {}, {"SOFTWARE_TOKEN_MFA_CODE": "123456"}),
    ]
    return w


def test_a_script_hands_in_the_password_and_then_the_code(mfa: World) -> None:
    done = mfa.run(*LOGIN, "--mfa-code-stdin", "--mfa-type", "SOFTWARE_TOKEN_MFA", stdin=f"{PASSWORD}\n123456\n")
    assert (done.code, done.err) == (0, "")


def test_a_code_comes_from_a_private_file_or_a_pipe(mfa: World) -> None:
    login = (*LOGIN, "--mfa-type", "SOFTWARE_TOKEN_MFA", "--mfa-code-file")
    file = _private(mfa.home / "code", "123456\n")
    assert mfa.run(*login, file, stdin=PASSWORD).code == 0
    os.chmod(file, 0o640)
    assert mfa.run(*login, file, stdin=PASSWORD).code == 7
    pipe = mfa.home / "pipe"
    os.mkfifo(pipe)
    threading.Thread(target=lambda: pipe.write_text("123456\n"), daemon=True).start()
    assert mfa.run(*login, str(pipe), stdin=PASSWORD).code == 0


def test_a_script_without_a_code_or_a_factor_ends_with_the_flag_named(mfa: World) -> None:
    no_factor = mfa.run(*LOGIN, "--mfa-code-stdin", stdin=f"{PASSWORD}\n123456\n")
    assert (no_factor.code, "--mfa-type NAME" in no_factor.err) == (7, True)
    other = mfa.run(*LOGIN, "--mfa-type", "EMAIL_OTP", stdin=PASSWORD)
    assert (other.code, "one of: SMS_MFA, SOFTWARE_TOKEN_MFA" in other.err) == (2, True)
    no_code = mfa.run(*LOGIN, "--mfa-type", "SOFTWARE_TOKEN_MFA", stdin=PASSWORD)
    assert (no_code.code, "--mfa-code-stdin or --mfa-code-file FILE" in no_code.err) == (7, True)
    ended = mfa.run(*LOGIN, "--mfa-type", "SOFTWARE_TOKEN_MFA", "--mfa-code-stdin", stdin=PASSWORD)
    assert ended.code == 2
    both = mfa.run(*LOGIN, "--mfa-code-stdin", "--mfa-code-file", "x", stdin=PASSWORD)
    assert both.err.startswith("orderctl: --mfa-code-file and --mfa-code-stdin: one of them")


def test_a_wrong_code_is_exit_4_and_keeps_nothing(mfa: World) -> None:
    login = (*LOGIN, "--mfa-type", "SOFTWARE_TOKEN_MFA", "--mfa-code-stdin")
    done = mfa.run(*login, stdin=f"{PASSWORD}\n654321\n")
    assert (done.code, done.err.splitlines()[0]) == (4, "orderctl: the code is wrong")
    assert "654321" not in done.err
    assert not mfa.token_file.exists()


def test_the_password_travels_only_with_flow_password(w: World) -> None:
    done = w.run("auth", "login", "--username", "ada", "--password-stdin", "--flow", "password", stdin=PASSWORD)
    assert done.code == 0
    assert PASSWORD in repr(w.pool.calls)


def test_an_unknown_flow_is_exit_2(w: World) -> None:
    assert w.run("auth", "login", "--flow", "magic").code == 2
    assert w.run("auth", "login", "--flow", "none").code == 2
    assert w.run("auth", "login", "--flow", "client-credentials").code == 2


def test_the_client_secret_comes_from_the_environment_or_a_private_file(tmp_path: Path) -> None:
    secret = "canary-client-secret-canary"
    with world(tmp_path, client_secret=secret) as w:
        file = _private(tmp_path / "secret", secret)
        login = ("auth", "login", "--username", "ada", "--password-stdin")
        assert w.run(*login, stdin=PASSWORD, ORDERCTL_CLIENT_SECRET=secret).code == 0
        assert w.run(*login, stdin=PASSWORD, ORDERCTL_CLIENT_SECRET_FILE=file).code == 0
        missing = w.run(*login, stdin=PASSWORD)
        assert missing.code == 4
        assert "ORDERCTL_CLIENT_SECRET" in missing.err


def test_status_is_exit_4_until_somebody_signs_in(w: World) -> None:
    assert w.run("auth", "status").code == 4
    w.log_in()
    done = w.run("auth", "status", "-o", "json")
    assert done.code == 0
    assert json.loads(done.out)["expires_at"] == "2026-11-22T04:00:00.000Z"
    w.token_file.chmod(0o666)
    wide_open = w.run("auth", "status", "-o", "json")
    assert wide_open.code == 4
    assert "read or written by others" in json.loads(wide_open.out)["problem"]


def test_token_prints_one_token_refreshed_when_it_has_to_be(w: World) -> None:
    w.log_in()
    first = w.run("auth", "token").out
    assert first.count(".") == 2
    assert w.run("auth", "token", "--kind", "access").out != first
    w.clock.advance(3600)
    assert w.run("auth", "token").out != first
    assert [operation for operation, _ in w.pool.calls].count("GetTokensFromRefreshToken") == 1


@pytest.mark.parametrize("flow", ["iam", "none"])
def test_a_flow_without_a_sign_in_has_no_token_and_says_so(w: World, flow: str) -> None:
    done = w.run("auth", "token", ORDERCTL_AUTH_FLOW=flow)
    assert (done.code, done.out) == (2, "")
    assert done.err == f"orderctl: with auth.flow '{flow}' there is no token\n"
    assert w.run("auth", "status", ORDERCTL_AUTH_FLOW=flow).code == 0
    assert w.run("auth", "login", ORDERCTL_AUTH_FLOW=flow).code == 2
    assert w.run("auth", "logout", ORDERCTL_AUTH_FLOW=flow).err == "nobody was signed in\n"


def test_logout_revokes_and_forgets(w: World) -> None:
    w.log_in()
    assert (w.run("auth", "logout").err, w.run("auth", "logout").err) == ("signed out\n", "nobody was signed in\n")
    assert w.pool.live == {}
    assert w.run("auth", "token").code == 4


def test_the_refresh_token_does_not_follow_an_endpoint_override(w: World) -> None:
    w.log_in()
    w.clock.advance(3600)
    before = len(w.cognito.requests)
    done = w.run("auth", "token", "--endpoint-url", "http://127.0.0.1:9")
    assert done.code == 7
    assert "is configured now" in done.err
    assert len(w.cognito.requests) == before


def test_an_environment_that_is_not_local_does_not_sign_in_over_http(w: World) -> None:
    path = w.home / "config" / "orderctl" / "config.toml"
    write_config(w.home, path.read_text().replace("local = true\n", ""))
    done = w.log_in()
    assert done.code == 7
    assert "is not https" in done.err
    assert w.cognito.requests == []


def test_logout_forgets_the_tokens_where_nobody_can_be_asked_to_end_them(w: World) -> None:
    w.log_in()
    path = w.home / "config" / "orderctl" / "config.toml"
    text = path.read_text().replace(w.cognito.url, "http://127.0.0.1:9").replace("client_id", "username")
    write_config(w.home, text.replace("local = true\n", 'local = true\nstack = "orders"\n'))
    done = w.run("auth", "logout")
    assert done.code == 1
    assert done.err.startswith("orderctl: signed out on this machine only, not at Cognito: stack orders:")
    assert not w.token_file.exists()
    assert "signed out" not in w.run("auth", "logout").err


def test_the_end_of_input_at_a_hidden_prompt_is_no_answer(w: World) -> None:
    environ = {**new_app(w.home).environ, "PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    child, terminal = pty.fork()
    if child == 0:
        argv = [sys.executable, "-m", "orderctl", "auth", "login", "--username", "ada"]
        os.execve(sys.executable, argv, environ)
    said = b""
    while b"Password: " not in said:
        said += os.read(terminal, 1024)
    os.write(terminal, b"\x04")
    with contextlib.suppress(OSError):  # how Linux tells that the other end is closed
        while more := os.read(terminal, 1024):
            said += more
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert b"Password: no answer" in said
    assert b"Traceback" not in said


def test_the_question_for_a_remembered_device_ends_by_its_name_and_saves_nothing(w: World) -> None:
    user = w.pool.add_user("grace", PASSWORD)
    user.challenges.append(("DEVICE_SRP_AUTH", {"DEVICE_KEY": "eu-west-1_canary-device"}, {}))
    done = w.run("auth", "login", "--username", "grace", "--password-stdin", stdin=PASSWORD)
    assert (done.code, done.out) == (4, "")
    assert "DEVICE_SRP_AUTH" in done.err
    assert "canary-device" not in done.err
    assert not w.token_file.exists()
    assert "ConfirmDevice" not in [operation for operation, _ in w.pool.calls]
