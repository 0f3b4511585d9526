from __future__ import annotations

from collections.abc import Mapping

import pytest

from orderctl.auth.models import Challenge, Flow, Step, Tokens
from orderctl.auth.prompter import NoTerminal, Prepared
from orderctl.auth.sign_in import SignIn
from orderctl.errors import AuthError, RefusedError, UsageError
from tests.auth.helpers import PASSWORD, Answers, pool_with_ada, settings
from tests.fakes.clock import FakeClock
from tests.fakes.cognito import CognitoProvider, FakeCognito


def _run(pool: FakeCognito, *answers: str, username: str = "ada", flow: Flow = Flow.PASSWORD) -> tuple[Tokens, Answers]:
    person = Answers(list(answers))
    wanted = settings(flow=flow, client_secret=pool.client_secret)
    tokens = SignIn(CognitoProvider(pool), wanted, person, pool.clock).run(username, PASSWORD)
    return tokens, person


def _pool(*challenges: tuple[str, dict[str, str], dict[str, str]], client_secret: str | None = None) -> FakeCognito:
    pool = FakeCognito(FakeClock(), client_secret=client_secret)
    pool.add_user("ada", PASSWORD, alias="ada@example.com").challenges.extend(challenges)
    return pool


@pytest.mark.parametrize(
    ("name", "answer_name"),
    [
        ("SOFTWARE_TOKEN_MFA", "SOFTWARE_TOKEN_MFA_CODE"),
        ("SMS_MFA", "SMS_MFA_CODE"),
        ("SMS_OTP", "SMS_OTP_CODE"),
        ("EMAIL_OTP", "EMAIL_OTP_CODE"),
    ],
)
def test_a_code_is_asked_for_and_sent_under_its_own_name(name: str, answer_name: str) -> None:
    pool = _pool((name, {"CODE_DELIVERY_DESTINATION": "a***@e***"}, {answer_name: "123456"}))
    tokens, person = _run(pool, " 123456 ")
    assert tokens.refresh_token
    assert len(person.asked) == 1
    assert "(a***@e***)" in person.asked[0]


def test_a_wrong_code_is_refused() -> None:
    pool = _pool(("SOFTWARE_TOKEN_MFA", {}, {"SOFTWARE_TOKEN_MFA_CODE": "123456"}))
    with pytest.raises(AuthError, match="CodeMismatchException"):
        _run(pool, "654321")


def test_the_second_factor_is_chosen_and_then_answered() -> None:
    pool = _pool(
        ("SELECT_MFA_TYPE", {"MFAS_CAN_CHOOSE": '["SMS_MFA", "SOFTWARE_TOKEN_MFA"]'}, {"ANSWER": "SOFTWARE_TOKEN_MFA"}),
        ("SOFTWARE_TOKEN_MFA", {}, {"SOFTWARE_TOKEN_MFA_CODE": "123456"}),
    )
    _, person = _run(pool, "SOFTWARE_TOKEN_MFA", "123456", flow=Flow.SRP)
    assert person.asked[0] == "Second factor: SMS_MFA, SOFTWARE_TOKEN_MFA"


def test_a_new_password_is_asked_for_twice_with_the_attributes_the_pool_requires() -> None:
    required = {"requiredAttributes": '["userAttributes.given_name"]'}
    pool = _pool(("NEW_PASSWORD_REQUIRED", required, {"NEW_PASSWORD": "new", "userAttributes.given_name": "Ada"}))
    _, person = _run(pool, "new", "new", "Ada")
    assert person.asked == ["New password", "New password again", "Your given_name"]


def test_two_different_new_passwords_are_not_sent() -> None:
    pool = _pool(("NEW_PASSWORD_REQUIRED", {}, {}))
    with pytest.raises(UsageError, match="differ"):
        _run(pool, "new", "newer")
    assert [operation for operation, _ in pool.calls] == ["InitiateAuth"]


@pytest.mark.parametrize("name", ["MFA_SETUP", "CUSTOM_CHALLENGE", "DEVICE_SRP_AUTH", "WEB_AUTHN", "SOMETHING_OF_2028"])
def test_any_other_challenge_ends_the_sign_in_by_its_name(name: str) -> None:
    with pytest.raises(AuthError, match=name):
        _run(_pool((name, {}, {})))


def test_a_pool_that_asks_for_ever_is_left() -> None:
    codes: list[tuple[str, dict[str, str], dict[str, str]]] = [("SMS_MFA", {}, {"SMS_MFA_CODE": "1"})] * 9
    with pytest.raises(AuthError, match="did not end"):
        _run(_pool(*codes), *["1"] * 9)


@pytest.mark.parametrize("flow", [Flow.SRP, Flow.PASSWORD])
def test_the_secret_hash_goes_with_every_step(flow: Flow) -> None:
    pool = _pool(("SMS_MFA", {"USER_ID_FOR_SRP": "ada"}, {"SMS_MFA_CODE": "1"}), client_secret="client-canary")
    tokens, _ = _run(pool, "1", username="ada@example.com", flow=flow)
    assert tokens.access_token
    assert "client-canary" not in repr(pool.calls)


def test_an_alias_signs_in_as_the_user_it_stands_for() -> None:
    pool = _pool(client_secret="client-canary")
    _run(pool, username="ada@example.com", flow=Flow.SRP)
    assert pool.calls[1][1]["ChallengeResponses"]["USERNAME"] == "ada"


def test_the_password_travels_only_where_that_flow_was_asked_for() -> None:
    pool = pool_with_ada(FakeClock())
    _run(pool, flow=Flow.SRP)
    assert PASSWORD not in repr(pool.calls)
    _run(pool, flow=Flow.PASSWORD)
    assert PASSWORD in repr(pool.calls)


def test_without_a_terminal_a_challenge_is_refused_instead_of_hanging() -> None:
    pool = _pool(("SOFTWARE_TOKEN_MFA", {}, {}))
    with pytest.raises(RefusedError, match="no terminal"):
        SignIn(CognitoProvider(pool), settings(flow=Flow.PASSWORD), NoTerminal(), pool.clock).run("ada", PASSWORD)


def test_the_only_second_factor_on_offer_is_taken_without_a_question() -> None:
    pool = _pool(
        ("SELECT_MFA_TYPE", {"MFAS_CAN_CHOOSE": '["EMAIL_OTP"]'}, {"ANSWER": "EMAIL_OTP"}),
        ("EMAIL_OTP", {"CODE_DELIVERY_DESTINATION": "a***"}, {"EMAIL_OTP_CODE": "12345678"}),
    )
    prompter = Prepared(NoTerminal(), read_code=lambda: " 12345678\n", factor=None)
    assert SignIn(CognitoProvider(pool), settings(flow=Flow.PASSWORD), prompter, pool.clock).run("ada", PASSWORD)


def test_the_refusal_names_the_flag() -> None:
    with pytest.raises(RefusedError) as refused:
        NoTerminal().ask_secret("Password", flag="--password-stdin")
    assert refused.value.hint == "give it with --password-stdin"


def test_srp_without_the_pool_id_says_which_key_is_missing() -> None:
    pool = pool_with_ada(FakeClock())
    with pytest.raises(UsageError) as raised:
        SignIn(CognitoProvider(pool), settings(user_pool_id=None), NoTerminal(), pool.clock).run("ada", PASSWORD)
    assert "resources.user_pool_id" in (raised.value.hint or "")
    assert pool.calls == []


def test_an_empty_password_is_not_sent() -> None:
    pool = pool_with_ada(FakeClock())
    with pytest.raises(UsageError, match="empty"):
        SignIn(CognitoProvider(pool), settings(), NoTerminal(), pool.clock).run("ada", "")
    assert pool.calls == []


def test_nothing_secret_stands_in_a_repr() -> None:
    challenge = Challenge("SMS_MFA", {"SECRET": "canary"}, "canary-session")
    shown = repr((Tokens("canary-a", "canary-i", "canary-r"), challenge, settings(client_secret="canary-s")))
    assert "canary" not in shown


@pytest.mark.parametrize("number", ["-5", "not hexadecimal", ""])
def test_a_challenge_with_numbers_that_are_none_ends_the_sign_in(number: str) -> None:
    values = {"USER_ID_FOR_SRP": "ada", "SALT": "aa", "SRP_B": number, "SECRET_BLOCK": "AAAA"}

    class Odd(CognitoProvider):
        def start(self, flow: str, parameters: Mapping[str, str]) -> Step:
            return Challenge("PASSWORD_VERIFIER", values)

    pool = pool_with_ada(FakeClock())
    with pytest.raises(AuthError, match="cannot be read"):
        SignIn(Odd(pool), settings(), Answers(), pool.clock).run("ada", PASSWORD)
