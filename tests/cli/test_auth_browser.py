"""Signing in through the browser, from the command line to the page that says to go back."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from orderctl.auth.models import REDIRECT_PORTS
from orderctl.auth.open_page import open_page
from tests.cli.signed_in import World, world
from tests.cli.support import Outcome, new_app, run, write_config
from tests.fakes.hosted_ui import Browser, HostedUi
from tests.fakes.http import HttpServer


class Desk:
    """A person with a browser, in front of a pool with a domain."""

    def __init__(self, w: World, ui: HostedUi, domain: HttpServer, ports: list[int]) -> None:
        self.w, self.ui, self.domain, self.ports = w, ui, domain, ports
        self.browser = Browser()
        ui.callbacks = tuple(f"http://127.0.0.1:{port}/callback" for port in ports)
        path = w.home / "config" / "orderctl" / "config.toml"
        lines = f'flow = "pkce"\ntoken_url = "{domain.url}"\nredirect_ports = "{ports[0]} {ports[1]}"\n'
        write_config(w.home, path.read_text() + lines)

    def run(self, *argv: str, terminal: bool = True) -> Outcome:
        app = new_app(self.w.home, terminal=terminal, clock=self.w.clock)
        app.open_browser = self.browser
        return run(app, *argv)

    def log_in(self, *flags: str) -> Outcome:
        return self.run("auth", "login", "-o", "json", *flags)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with world(tmp_path) as w:
        ui = HostedUi(w.clock)
        with HttpServer(ui) as domain:
            yield Desk(w, ui, domain, free_ports())


def free_ports() -> list[int]:
    with closing(socket.socket()) as one, closing(socket.socket()) as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]), int(other.getsockname()[1])]


def test_the_browser_signs_in_and_the_page_says_to_go_back(desk: Desk) -> None:
    done = desk.log_in()
    assert done.code == 0, done.err
    shown = json.loads(done.out)
    assert (shown["username"], shown["flow"], shown["signed_in"]) == ("ada", "pkce", True)
    [(status, page)] = desk.browser.settled()
    assert status == 200
    assert "You are signed in. Close this page and go back to the terminal." in page
    assert done.err == f"Sign in on this page, in a browser on this machine:\n{desk.browser.opened[0]}\n"


def test_what_goes_through_the_browser_is_a_hash_and_the_code_is_used_once(desk: Desk) -> None:
    desk.log_in()
    [asked], [grant] = desk.ui.asked, desk.ui.grants
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert len(grant["code_verifier"]) == 43
    assert grant["code_verifier"] not in desk.browser.opened[0]
    assert len(asked["state"]) == 43
    assert desk.ui.codes == {}
    assert desk.log_in().code == 0
    assert desk.ui.asked[1]["state"] != asked["state"]


def test_the_tokens_serve_and_are_refreshed_and_revoked_at_the_domain(desk: Desk) -> None:
    desk.log_in()
    assert desk.run("users", "get", "nobody").code == 3
    desk.w.clock.advance(7200)
    assert desk.run("auth", "token").code == 0
    assert desk.ui.grants[-1]["grant_type"] == "refresh_token"
    assert desk.run("auth", "logout").code == 0
    assert len(desk.ui.revoked) == 1
    assert desk.run("auth", "status").code == 4


def test_an_answer_with_another_state_is_shown_the_door_and_the_wait_goes_on(desk: Desk) -> None:
    def first_a_stranger(location: str) -> list[str]:
        return [location.replace("state=", "state=x"), location.split("?")[0], location]

    desk.browser.bring = first_a_stranger
    assert desk.log_in().code == 0
    assert [status for status, _ in desk.browser.settled()] == [400, 400, 200]
    assert len(desk.ui.grants) == 1


def test_only_strangers_end_in_a_timeout_and_no_code_is_spent(desk: Desk) -> None:
    desk.browser.bring = lambda location: [location.replace("state=", "state=x")]
    app_clock_does_not_move = desk.log_in("--timeout", "0.5s")
    assert app_clock_does_not_move.code == 124
    assert "1 came with another state" in app_clock_does_not_move.err
    assert desk.ui.grants == []
    assert not desk.w.token_file.exists()


def test_a_person_who_calls_it_off_is_exit_4(desk: Desk) -> None:
    desk.ui.denies = True
    done = desk.log_in()
    assert done.code == 4
    assert "access_denied" in done.err
    assert "canary" not in done.err
    [(status, page)] = desk.browser.settled()
    assert (status, "canary" in page, "did not work" in page) == (400, False, True)
    assert desk.ui.grants == []


def test_a_code_that_was_used_before_is_refused_by_the_domain_and_keeps_nothing(desk: Desk) -> None:
    def somebody_was_faster(location: str) -> list[str]:
        desk.ui.codes.clear()
        return [location]

    desk.browser.bring = somebody_was_faster
    done = desk.log_in()
    assert done.code == 4
    assert "invalid_grant" in done.err
    assert desk.ui.refused == ["invalid_grant"]
    assert not desk.w.token_file.exists()


def test_the_same_answer_a_second_time_finds_nobody(desk: Desk) -> None:
    from urllib3.exceptions import HTTPError

    seen: list[str] = []
    desk.browser.bring = lambda location: seen.append(location) or [location]  # type: ignore[func-returns-value]
    assert desk.log_in().code == 0
    desk.browser.settled()
    import urllib3

    with pytest.raises(HTTPError):
        urllib3.PoolManager().request("GET", seen[0], retries=False)
    assert len(desk.ui.grants) == 1


def test_two_codes_in_one_answer_are_none(desk: Desk) -> None:
    desk.browser.bring = lambda location: [location + "&code=another"]
    assert desk.log_in().code == 4
    assert desk.ui.grants == []


def test_a_taken_port_is_passed_over_for_the_next_of_the_list(desk: Desk) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", desk.ports[0]))
        taken.listen()
        assert desk.log_in().code == 0
    assert desk.ui.asked[0]["redirect_uri"] == f"http://127.0.0.1:{desk.ports[1]}/callback"


def test_when_every_port_is_taken_the_key_is_named(desk: Desk) -> None:
    with closing(socket.socket()) as one, closing(socket.socket()) as other:
        for held, port in ((one, desk.ports[0]), (other, desk.ports[1])):
            held.bind(("127.0.0.1", port))
            held.listen()
        done = desk.log_in()
    assert done.code == 1
    assert "auth.redirect_ports" in done.err
    assert desk.browser.opened == []


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/callback?state=STATE&code=CODE", {"Host": "evil.example"}, 404),
        ("/?state=STATE&code=CODE", {}, 404),
        ("/callback?state=" + "x" * 9000, {}, 414),
    ],
)
def test_another_host_name_path_or_length_gets_nothing(
    desk: Desk, path: str, headers: dict[str, str], status: int
) -> None:
    import urllib3

    found: list[int] = []

    def odd_ones_first(location: str) -> list[str]:
        query = parse_qs(urlsplit(location).query)
        named = path.replace("STATE", query["state"][0]).replace("CODE", query["code"][0])
        root = location.split("/callback")[0]
        found.append(urllib3.PoolManager().request("GET", root + named, headers=headers, retries=False).status)
        return [location]

    desk.browser.bring = odd_ones_first
    assert desk.log_in().code == 0
    assert found == [status]
    assert len(desk.ui.grants) == 1


def test_without_a_browser_the_address_is_printed_for_the_person(desk: Desk) -> None:
    done = desk.run("auth", "login", "--no-browser", "--timeout", "0.2s", terminal=False)
    assert done.code == 124
    assert f"{desk.domain.url}/oauth2/authorize?response_type=code" in done.err
    assert desk.browser.opened == []


def test_without_a_terminal_no_browser_is_opened(desk: Desk) -> None:
    done = desk.run("auth", "login", terminal=False)
    assert (done.code, "--no-browser" in done.err, desk.browser.opened) == (7, True, [])


def test_a_domain_that_is_not_https_gets_nothing_outside_the_local_stack(desk: Desk) -> None:
    path = desk.w.home / "config" / "orderctl" / "config.toml"
    write_config(desk.w.home, path.read_text().replace("local = true\n", ""))
    done = desk.log_in()
    assert (done.code, desk.browser.opened, desk.domain.requests) == (7, [], [])


def test_the_ports_are_fixed_and_below_those_the_system_gives_away() -> None:
    assert len(REDIRECT_PORTS) == 3
    assert all(1024 < port < 32768 for port in REDIRECT_PORTS)


def test_what_a_browser_inherits_holds_no_secret(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    script = tmp_path / "browser"
    script.write_text(f'#!/bin/sh\nenv > {seen}\necho "$@" >> {seen}\n')
    script.chmod(0o755)
    environ = {"BROWSER": str(script), "PATH": "/usr/bin:/bin", "ORDERCTL_CLIENT_SECRET": "canary-1"}
    environ |= {"AWS_SECRET_ACCESS_KEY": "canary-2", "AWS_SESSION_TOKEN": "canary-3"}
    assert open_page("http://127.0.0.1:1/page", environ)
    assert "http://127.0.0.1:1/page" in seen.read_text()
    assert "canary" not in seen.read_text()
