from __future__ import annotations

import pytest

from orderctl.errors import UsageError
from orderctl.users.validation import problems_of, user_from

GOOD: dict[str, object] = {"user_id": "u-1", "email": "ada@example.com", "name": "Ada"}


@pytest.mark.parametrize("email", ["a@b.c", "ada.l+x@sub.example.co.uk", "ü@exämple.de"])
def test_addresses_that_can_be_real_are_taken(email: str) -> None:
    assert problems_of({**GOOD, "email": email}) == []


@pytest.mark.parametrize(
    "email", ["a", "@b.c", "a@", "a@b", "a@b.", "a@.c", "a@b..c", "a b@c.d", "a@b@c.d", "x" * 251 + "@b.c"]
)
def test_addresses_that_cannot_be_are_refused_without_being_repeated(email: str) -> None:
    assert problems_of({**GOOD, "email": email}) == ["email is no address like name@example.com"]


@pytest.mark.parametrize("key", ["user_id", "email", "name"])
@pytest.mark.parametrize(
    ("value", "words"), [("", "missing"), (None, "missing"), (5, "not text"), (" x ", "spaces"), ("a\x1bb", "printed")]
)
def test_each_required_field_is_checked_by_name(key: str, value: object, words: str) -> None:
    problems = problems_of({**GOOD, key: value})
    assert len(problems) == 1
    assert problems[0].startswith(key)
    assert words in problems[0]


def test_every_missing_field_is_named_at_once() -> None:
    with pytest.raises(UsageError, match="user_id is missing; email is missing; name is missing"):
        user_from({})


def test_the_other_fields_are_extra() -> None:
    assert user_from({**GOOD, "plan": "gold"}).extra == {"plan": "gold"}


def test_a_field_name_that_is_none_is_refused() -> None:
    assert problems_of({**GOOD, "a b": 1}) == ["'a b' is no field name"]
