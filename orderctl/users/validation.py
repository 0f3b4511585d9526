"""Checking a user before the first request: what the API would refuse, said with the field's name.

Only what every deployment refuses is refused here; the API's own validator has the last word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from orderctl.errors import UsageError
from orderctl.users.models import User

REQUIRED = ("user_id", "email", "name")
MAX_ID, MAX_EMAIL, MAX_NAME = 128, 254, 256
"""Characters. 254 is the longest address that can be delivered to (RFC 5321, erratum 1690)."""
_FIELD = re.compile(r"[A-Za-z_][\w.-]{0,127}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")


def user_from(fields: Mapping[str, object], *, source: str = "the user") -> User:
    """The user these fields make; raises UsageError naming every field that is wrong."""
    problems = problems_of(fields)
    if problems:
        raise UsageError(f"{source}: " + "; ".join(problems), hint="orderctl users create --help")
    extra = {key: value for key, value in fields.items() if key not in REQUIRED}
    return User(str(fields["user_id"]), str(fields["email"]), str(fields["name"]), extra)


def problems_of(fields: Mapping[str, object]) -> list[str]:
    """What is wrong with the fields, one sentence each; empty when nothing is. Values are not repeated."""
    problems = [problem for key in REQUIRED if (problem := _text_problem(key, fields.get(key)))]
    if not problems:
        problems += _id_problems(str(fields["user_id"])) + _email_problems(str(fields["email"]))
        problems += [f"name is longer than {MAX_NAME} characters"] if len(str(fields["name"])) > MAX_NAME else []
    return problems + [f"{key!r} is no field name" for key in fields if not _FIELD.fullmatch(key)]


def check_user_id(user_id: str) -> None:
    """Raise UsageError for an id no user can have."""
    problem = _text_problem("user_id", user_id)
    problems = [problem] if problem else _id_problems(user_id)
    if problems:
        raise UsageError("; ".join(problems))


def _text_problem(key: str, value: object) -> str | None:
    if value is None or value == "":
        return f"{key} is missing"
    if not isinstance(value, str):
        return f"{key} is not text"
    if value != value.strip() or not value.isprintable():
        return f"{key} has spaces around it or characters that cannot be printed"
    return None


def _id_problems(user_id: str) -> list[str]:
    if user_id in (".", ".."):
        return ["user_id cannot be '.' or '..': it is part of a path"]
    return [f"user_id is longer than {MAX_ID} characters"] if len(user_id) > MAX_ID else []


def _email_problems(email: str) -> list[str]:
    is_address = len(email) <= MAX_EMAIL and _EMAIL.fullmatch(email)
    return [] if is_address else ["email is no address like name@example.com"]
