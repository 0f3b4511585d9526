from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.auth.helpers import PASSWORD
from tests.cli.signed_in import World, world
from tests.cli.support import Outcome, write_config
from tests.fakes.cognito import token
from tests.fakes.http import Cut, HttpServer, Reply

CREATE = ("users", "create", "--user-id", "u-1", "--email", "ada@example.com", "--name", "Ada")
ADA = {"user_id": "u-1", "email": "ada@example.com", "name": "Ada"}


@pytest.fixture
def w(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        assert made.log_in().code == 0
        yield made


def test_a_user_is_created_and_read(w: World) -> None:
    assert w.run(*CREATE) == Outcome(0, "u-1\tada@example.com\tAda\n", "")
    done = w.run("users", "get", "u-1", "-o", "json")
    assert json.loads(done.out) == ADA


def test_creating_it_again_is_exit_5_and_changes_nothing(w: World) -> None:
    w.run(*CREATE)
    done = w.run(*CREATE[:-1], "Grace")
    assert (done.code, done.out) == (5, "")
    assert done.err == "orderctl: user u-1 exists already\nhint: look at it: orderctl users get u-1\n"
    assert w.backend.users["u-1"] == ADA


def test_fields_come_from_the_file_then_set_then_the_options(w: World) -> None:
    document = json.dumps({**ADA, "name": "From the file", "plan": "silver", "age": 5})
    done = w.run(*CREATE, "--file", "-", "--set", "plan=gold", "--set", "address.city=Bern", stdin=document)
    assert done.code == 0, done.err
    assert w.backend.users["u-1"] == {**ADA, "plan": "gold", "age": 5, "address": {"city": "Bern"}}


def test_bad_input_is_exit_2_before_any_request(w: World) -> None:
    done = w.run("users", "create", "--user-id", "u-1", "--email", "nonsense")
    assert done.code == 2
    assert "name is missing" in done.err
    assert w.run("users", "create").code == 2
    assert w.api.requests == []


def test_dry_run_sends_nothing(w: World) -> None:
    done = w.run(*CREATE, "--dry-run")
    assert (done.code, done.err) == (0, "would create user u-1\n")
    assert w.api.requests == []


def test_an_absent_user_is_exit_3(w: World) -> None:
    assert w.run("users", "get", "nobody").code == 3


def test_nobody_signed_in_is_exit_4_with_the_command(w: World) -> None:
    w.run("auth", "logout")
    done = w.run(*CREATE)
    assert done.code == 4
    assert "hint: orderctl auth login --env local" in done.err
    assert w.api.requests == []


def test_an_expired_token_is_refreshed_before_it_is_sent(w: World) -> None:
    w.clock.advance(7200)
    assert w.run(*CREATE).code == 0
    assert len(w.api.requests) == 1


def test_a_token_the_api_calls_expired_is_refreshed_once_more(w: World) -> None:
    w.backend.faults = [Reply(401, '{"message": "The incoming token has expired"}')]
    assert w.run(*CREATE).code == 0
    assert [operation for operation, _ in w.pool.calls].count("GetTokensFromRefreshToken") == 1


def test_a_tampered_token_is_exit_4_and_says_which_was_sent(w: World) -> None:
    saved = json.loads(w.token_file.read_text())
    saved["id_token"] = saved["id_token"][:-4] + "AAAA"
    w.token_file.write_text(json.dumps(saved))
    done = w.run(*CREATE)
    assert done.code == 4
    assert "did not accept the ID token: Unauthorized" in done.err
    assert "auth.token_use = 'access'" in done.err


def test_a_wrong_stage_is_told_as_a_wrong_path(w: World) -> None:
    done = w.run(*CREATE, ORDERCTL_USERS_API_URL=f"{w.api.url}/Prodd")
    assert done.code == 4
    assert "the API has no POST /Prodd/users" in done.err
    assert "not a matter of the token" in done.err


def test_the_token_does_not_follow_another_api_url(w: World) -> None:
    with HttpServer(w.backend) as other:
        done = w.run(*CREATE, ORDERCTL_USERS_API_URL=f"{other.url}/Prod")
        assert done.code == 7
        assert other.requests == []
    assert f"bound to {w.api.url}" in done.err


def test_a_lost_answer_is_looked_after(w: World) -> None:
    w.backend.after_write = [Cut()]
    done = w.run(*CREATE)
    assert (done.code, done.out) == (0, "u-1\tada@example.com\tAda\n")
    assert "the API's answer was lost" in done.err
    assert [request.method for request in w.api.requests] == ["POST", "GET"]


def test_a_request_lost_on_its_way_is_exit_1_and_safe_to_run_again(w: World) -> None:
    w.backend.faults = [Cut()]
    done = w.run(*CREATE)
    assert done.code == 1
    assert "safe to run again" in done.err
    assert w.run(*CREATE).code == 0


def test_a_500_names_the_request_and_the_log_group_to_look_in(w: World) -> None:
    w.backend.faults = [Reply(500, "", {"x-amzn-RequestId": "req-9"})]
    done = w.run(*CREATE, ORDERCTL_FUNCTION_LOG_GROUP="/aws/lambda/orders")
    assert done.code == 1
    assert "safe to run again; request req-9: look in log group /aws/lambda/orders with the filter pattern" in done.err
    assert "'\"req-9\"'" in done.err


def test_a_500_of_an_environment_without_a_log_group_still_says_where_to_look(w: World) -> None:
    w.backend.faults = [Reply(500, "", {"x-amzn-RequestId": "req-9"})] * 9
    done = w.run("users", "get", "u-1")
    assert done.code == 1
    assert "request req-9: look in the log of the function behind GET /Prod/users/u-1" in done.err
    assert "resources.function_log_group names it" in done.err


def test_a_500_whose_log_group_cannot_be_discovered_is_still_told(w: World) -> None:
    path = w.home / "config" / "orderctl" / "config.toml"
    write_config(w.home, path.read_text().replace("local = true\n", 'local = true\nstack = "gone"\n'))
    w.backend.faults = [Reply(500, "", {"x-amzn-RequestId": "req-9"})] * 9
    done = w.run("users", "get", "u-1", ORDERCTL_ORDERS_API_URL=f"{w.api.url}/orders", ORDERCTL_AUTH_FLOW="none")
    assert done.code == 1
    assert "request req-9: look in the log of the function" in done.err


def test_an_error_names_the_request_for_a_program_too(w: World) -> None:
    w.backend.faults = [Reply(400, '{"message": "Invalid request body"}', {"x-amzn-RequestId": "req-9"})]
    done = w.run(*CREATE, "-o", "json")
    error = json.loads(done.err)
    assert (done.code, error["exit_code"], error["aws"]["request_id"]) == (2, 2, "req-9")
    assert "Invalid request body" in error["message"]


def _csv(w: World, *rows: str) -> str:
    path = w.home / "users.csv"
    path.write_text("user_id,email,name\n" + "".join(row + "\n" for row in rows))
    return str(path)


def test_an_import_reports_a_line_a_row(w: World) -> None:
    file = _csv(w, "u-1,a@b.c,A", "u-2,b@b.c,B")
    done = w.run("users", "import", file, "--workers", "1", "-o", "jsonl")
    assert done.code == 0, done.err
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert [(row["line"], row["user_id"], row["outcome"]) for row in rows] == [
        (2, "u-1", "created"),
        (3, "u-2", "created"),
    ]
    assert done.err == "2 created\n"
    assert w.run("users", "import", file).err == "2 done-before\n"
    assert len(w.api.requests) == 2


def test_an_import_with_a_conflict_is_exit_6_and_names_it(w: World) -> None:
    w.backend.users["u-2"] = {"user_id": "u-2", "email": "b@b.c", "name": "Somebody else"}
    done = w.run("users", "import", _csv(w, "u-1,a@b.c,A", "u-2,b@b.c,B"))
    assert done.code == 6
    assert "3\tu-2\tconflict\texists with another name\n" in done.out
    assert "1 of 2 users were not created" in done.err


def test_a_file_with_a_wrong_line_sends_nothing(w: World) -> None:
    done = w.run("users", "import", _csv(w, "u-1,a@b.c,A", "u-2,bad,B"))
    assert done.code == 2
    assert "users.csv:3: email is no address" in done.err
    assert w.api.requests == []


def test_an_import_that_takes_its_time_says_how_far_it_is(w: World) -> None:
    w.backend.faults = [Reply(429, "", {"Retry-After": "7"})]
    done = w.run("users", "import", _csv(w, "u-1,a@b.c,A", "u-2,b@b.c,B"), "--workers", "1")
    assert done.code == 0
    assert " of 2 users, " in done.err
    assert done.out.count("created") == 2


def test_a_protected_environment_wants_its_name(w: World) -> None:
    path = w.home / "config" / "orderctl" / "config.toml"
    write_config(w.home, path.read_text().replace("local = true\n", "local = true\nprotected = true\n"))
    assert w.run(*CREATE).code == 7
    assert w.run(*CREATE, "--confirm", "local").code == 0


FAULTS: tuple[Reply | Cut | None, ...] = (
    None,
    Cut(),
    Cut(promised=9),
    Reply(400, '{"message": "Invalid request body"}'),
    Reply(401, '{"message": "The incoming token has expired"}'),
    Reply(403, ""),
    Reply(429, ""),
    Reply(502, "<html>Bad Gateway</html>"),
)


def test_no_secret_is_ever_shown_or_written_outside_the_token_file(tmp_path: Path) -> None:
    secret = "canary-client-secret-canary"
    canaries = [PASSWORD, secret, "canary-body", "canary-row", "eyJ", "refresh-"]
    shown = ""
    with world(tmp_path, client_secret=secret) as w:

        def run(*command: str, password: str = PASSWORD) -> Outcome:
            return w.run(*command, "--debug", stdin=password, ORDERCTL_CLIENT_SECRET=secret)

        login: tuple[str, ...] = ("auth", "login", "--username", "ada", "--password-stdin")
        command: tuple[str, ...]
        for number, fault in enumerate(FAULTS):
            w.backend.faults = []
            for command in (login, (*login, "--flow", "password"), ("auth", "status")):
                done = run(*command)
                assert done.code == 0, done.err
                shown += done.out + done.err
            canaries += [json.loads(w.token_file.read_text())[f"{kind}_token"] for kind in ("id", "access", "refresh")]
            rows = [f"u-{number}-{row},canary-row{row}@example.com,N" for row in range(2)]
            body = ("--email", "canary-body@example.com", "--name", "N", "--set", "plan=canary-body")
            for command in (
                ("users", "get", "nobody"),
                ("users", "import", _csv(w, *rows)),
                ("users", "create", "--user-id", f"u-{number}", *body),
            ):
                w.backend.faults = [fault] * 500 if fault else []
                done = run(*command)
                shown += done.err if command[1] == "create" else done.out + done.err
        for password in (PASSWORD, "wrong-" + PASSWORD):
            w.pool.live.clear()
            w.clock.advance(7200)
            for command in (("users", "get", "nobody"), login, ("auth", "logout")):
                done = run(*command, password=password)
                shown += done.out + done.err
    for expected in ("no whole answer", "was refused as invalid", "cannot be refreshed", "wrong user name", "debug: "):
        assert expected in shown
    assert [canary for canary in canaries if canary in shown] == []
    written = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "users.csv"]
    assert len(written) > len(FAULTS)
    assert [path for path in written if any(canary in path.read_text() for canary in canaries)] == []


def test_a_token_of_the_wrong_kind_is_refused_by_the_backend_of_these_tests(w: World) -> None:
    """The backend can fail: without this the tests above would prove little."""
    import urllib3

    access = token(w.clock, "ada", "access", 60)
    answer = urllib3.request("GET", f"{w.api.url}/Prod/users/u-1", headers={"Authorization": access})
    assert answer.status == 401


def test_the_audit_counts_the_user_and_keeps_nothing_of_its_fields(w: World) -> None:
    done = w.run(*CREATE[:-1], "Canary Lovelace", "--set", "outcome=canary-1", "--set", "result=canary-2")
    assert done.code == 0, done.err
    trail = (w.home / "state" / "orderctl" / "audit.jsonl").read_text()
    assert json.loads(trail.splitlines()[-1])["counts"] == {"created": 1}
    assert "canary" not in trail.lower()


@pytest.mark.parametrize("page", ["<html>Welcome</html>", "[]", '{"user_id": "u-2"}'])
def test_a_page_that_answers_200_to_everything_creates_nobody(w: World, page: str) -> None:
    w.backend.faults = [Reply(200, page)]
    done = w.run(*CREATE)
    assert (done.code, done.out) == (1, "")
    assert "u-1 was not created: the API answered 200 with something that is not the user" in done.err


def test_certificates_that_cannot_be_read_are_a_mistake_and_not_a_lost_answer(w: World) -> None:
    before = len(w.api.requests)
    done = w.run(*CREATE, AWS_CA_BUNDLE=str(w.home / "no.pem"))
    assert done.code == 2
    assert done.err.startswith(f"orderctl: cannot read the certificates in {w.home / 'no.pem'}: No such file")
    assert len(w.api.requests) == before


def test_the_command_to_resume_an_import_names_the_format(w: World) -> None:
    path = _csv(w, "u-1,ada@example.com,Ada")
    nameless = Path(path).rename(w.home / "users.txt")
    w.backend.faults = [Reply(500, "{}")] * 40
    done = w.run("users", "import", str(nameless), "--format", "csv")
    assert done.code == 6
    assert f"users import {nameless} --format csv" in done.err
