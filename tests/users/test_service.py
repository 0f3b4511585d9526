from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest

from orderctl.errors import ConflictError, FailedError, NotFoundError, OrderctlError, UsageError
from orderctl.users.api_errors import ThrottledByApiError
from orderctl.users.models import HowCreated, User
from orderctl.users.ports import ApiAnswer, NotSentError, ReplyLostError
from orderctl.users.service import READ_ATTEMPTS, Users, differences
from tests.fakes.clock import FakeClock
from tests.users.fake_api import FakeUsersApi, Fault, answer, message

ADA = User("u-1", "ada@example.com", "Ada", {"plan": "gold"})
OTHER = {"user_id": "u-1", "email": "ada@example.com", "name": "Grace", "plan": "gold"}


def _users(fault: Fault | None = None) -> tuple[Users, FakeUsersApi, FakeClock]:
    api, clock = FakeUsersApi(lambda n: fault), FakeClock()
    return Users(api, clock), api, clock


def _posts(api: FakeUsersApi) -> int:
    return sum(method == "POST" for method, _ in api.requests)


def test_a_user_is_created_and_read_back() -> None:
    users, _, _ = _users()
    assert users.create(ADA).how is HowCreated.ANSWERED
    assert users.get("u-1") == ADA


def test_fields_the_api_does_not_store_are_named() -> None:
    class Forgetful(FakeUsersApi):
        def _store(self, body: Mapping[str, object]) -> ApiAnswer:
            return super()._store({key: body[key] for key in ("user_id", "email", "name")})

    for fault in (None, Fault.LOST_AFTER):
        created = Users(Forgetful(lambda n, fault=fault: fault), FakeClock()).create(ADA)  # type: ignore[misc]
        assert created.not_kept == ("plan",)


def test_creating_it_again_is_a_conflict_and_changes_nothing() -> None:
    users, api, _ = _users()
    api.users["u-1"] = dict(OTHER)
    with pytest.raises(ConflictError) as raised:
        users.create(ADA)
    assert raised.value.exit_code == 5
    assert api.users["u-1"] == OTHER


@pytest.mark.parametrize("fault", [Fault.LOST_AFTER, Fault.ERROR_AFTER])
def test_after_a_lost_answer_the_user_that_is_there_with_the_same_content_was_created(fault: Fault) -> None:
    users, api, _ = _users(fault)
    assert users.create(ADA).how is HowCreated.FOUND
    assert _posts(api) == 1


@pytest.mark.parametrize("fault", [Fault.LOST_BEFORE, Fault.ERROR_BEFORE])
def test_after_a_lost_answer_an_absent_user_may_be_created_again(fault: Fault) -> None:
    users, api, _ = _users(fault)
    with pytest.raises(FailedError, match="was not created") as raised:
        users.create(ADA)
    assert "safe to run again" in (raised.value.hint or "")
    assert _posts(api) == 1


@pytest.mark.parametrize("fault", [Fault.LOST_BEFORE, Fault.ERROR_BEFORE])
def test_after_a_lost_answer_other_content_is_a_conflict(fault: Fault) -> None:
    users, api, _ = _users(fault)
    api.users["u-1"] = dict(OTHER)
    with pytest.raises(ConflictError, match="another name"):
        users.create(ADA)


def test_when_the_look_fails_too_it_says_that_nobody_knows() -> None:
    users, api, clock = _users(Fault.LOST_AFTER)
    api.read_faults = [ReplyLostError("cut")] * READ_ATTEMPTS
    with pytest.raises(FailedError, match="not known whether") as raised:
        users.create(ADA)
    assert "orderctl users get u-1" in (raised.value.hint or "")
    assert clock.slept == [0.5, 1.0, 2.0]
    assert _posts(api) == 1


def test_a_request_that_was_not_sent_is_told_as_that_and_nothing_is_looked_up() -> None:
    users, api, _ = _users(Fault.NOT_SENT)
    with pytest.raises(NotSentError):
        users.create(ADA)
    assert len(api.requests) == 1


def test_a_throttled_create_says_how_long_to_wait() -> None:
    users, _, _ = _users(Fault.THROTTLED_POLITELY)
    with pytest.raises(ThrottledByApiError) as raised:
        users.create(ADA)
    assert raised.value.retry_after == 3.0


@pytest.mark.parametrize(
    "fault",
    [ReplyLostError("cut"), NotSentError("refused"), answer(500), answer(503), answer(429, "", {"retry-after": "5"})],
)
def test_reading_is_tried_again_after_a_passing_fault(fault: Exception) -> None:
    users, api, clock = _users()
    api.users["u-1"] = ADA.as_body()
    api.read_faults = [fault, fault]
    assert users.get("u-1") == ADA
    assert len(clock.slept) == 2


def test_an_absent_user_is_not_found() -> None:
    users, api, _ = _users()
    with pytest.raises(NotFoundError):
        users.get("u-1")
    assert len(api.requests) == 1


@pytest.mark.parametrize("text", ["", "<html>", "[]", "{}", '{"user_id": "u-2", "email": "a@b.c", "name": "x"}', "{"])
def test_an_answer_that_is_not_the_user_is_told(text: str) -> None:
    users, api, _ = _users()
    api.read_faults = [answer(200, text)]
    with pytest.raises(FailedError, match="not user u-1"):
        users.get("u-1")


def test_an_id_is_percent_encoded_in_the_path() -> None:
    users, api, _ = _users()
    odd = User("a/b?c#d ü%", "ada@example.com", "Ada")
    users.create(odd)
    assert users.get(odd.user_id) == odd
    assert api.requests[-1] == ("GET", "/users/a%2Fb%3Fc%23d%20%C3%BC%25")


@pytest.mark.parametrize("user_id", ["", " ", "..", ".", "a\n", "x" * 129])
def test_an_impossible_id_is_refused_before_any_request(user_id: str) -> None:
    users, api, _ = _users()
    with pytest.raises(UsageError):
        users.get(user_id)
    assert api.requests == []


def test_the_validators_words_reach_the_person() -> None:
    class Refusing(FakeUsersApi):
        def _post(self, body: Mapping[str, object]) -> ApiAnswer:
            return message(400, "Invalid request body")

    with pytest.raises(OrderctlError, match="Invalid request body"):
        Users(Refusing(), FakeClock()).create(ADA)


def test_a_refused_body_with_other_fields_names_them() -> None:
    class Refusing(FakeUsersApi):
        def _post(self, body: Mapping[str, object]) -> ApiAnswer:
            return message(400, "Invalid request body")

    with pytest.raises(UsageError) as raised:
        Users(Refusing(), FakeClock()).create(ADA)
    assert raised.value.hint == "the API may not take these fields: plan"


def _with(**extra: object) -> User:
    return User("u-1", "ada@example.com", "Ada", extra)


@pytest.mark.parametrize(
    ("sent", "found", "differing"),
    [
        ({}, {"created_at": "now"}, []),
        ({"age": 5}, {"age": "5"}, []),
        ({"age": Decimal("5.0")}, {"age": 5}, []),
        ({"age": 5}, {"age": "6"}, ["age"]),
        ({"age": "5"}, {"age": 5}, ["age"]),
        ({"vip": True}, {"vip": 1}, ["vip"]),
        ({"vip": True}, {"vip": True}, []),
        ({"tags": ["a", 1]}, {"tags": ["a", "1"]}, []),
        ({"tags": ["a"]}, {"tags": ["a", "b"]}, ["tags"]),
        ({"at": {"x": 1}}, {"at": {"x": "1", "y": 2}}, ["at"]),
        ({"plan": "gold"}, {}, []),
        ({"age": 5}, {"age": "five"}, ["age"]),
    ],
)
def test_the_same_content_is_what_was_sent_whatever_the_api_added(
    sent: dict[str, object], found: dict[str, object], differing: list[str]
) -> None:
    assert differences(_with(**sent), _with(**found)) == differing


def test_nothing_of_a_user_but_the_id_stands_in_its_repr() -> None:
    assert repr(User("u-1", "canary@example.com", "Canary", {"x": "canary"})) == "User(user_id='u-1')"
