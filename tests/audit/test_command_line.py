from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderctl.audit.command_line import LONGEST, shown

TOKEN = "eyJraWQiOiJhYmMifQ.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("dlq redrive orders-dlq --yes", "orderctl dlq redrive orders-dlq --yes"),
        (
            "orders list --endpoint-url https://ann:pw@host/x",
            "orderctl orders list --endpoint-url 'https://***@host/x'",
        ),
        ("events publish --set detail.password=hunter2", "orderctl events publish --set 'detail.password=***'"),
        ("events publish --set gift.note=hello", "orderctl events publish --set 'gift.note=***'"),
        ("events publish --set=gift.note=hello", "orderctl events publish '--set=gift.note=***'"),
        ("users create --name 'Ada Lovelace'", "orderctl users create --name '***'"),
        ("users create --name='Ada Lovelace'", "orderctl users create '--name=***'"),
        ("users --name Ada create --env prod", "orderctl users --name '***' create --env prod"),
        (
            "orders list --endpoint-url 'https://h/x?a=1&api_token=abc'",
            "orderctl orders list --endpoint-url 'https://h/x?a=1&***'",
        ),
        ("dlq redrive --yes orders-dlq", "orderctl dlq redrive --yes orders-dlq"),
        ("users create --email a@example.com --user-id u", "orderctl users create --email '***' --user-id u"),
        ("users create --email=a@example.com", "orderctl users create '--email=***'"),
        (f"orders submit --set auth={TOKEN}", "orderctl orders submit --set 'auth=***'"),
        ("config set profile AKIAIOSFODNN7EXAMPLE", "orderctl config set profile '***'"),
        ("auth login --password-stdin --username ada", "orderctl auth login --password-stdin --username ada"),
        ("config set auth.token_use access", "orderctl config set auth.token_use access"),
        ("""events publish --detail '{"card": "4111"}'""", "orderctl events publish --detail '{...}'"),
        ("""events publish --detail='{"card": "4111"}'""", "orderctl events publish '--detail={...}'"),
    ],
)
def test_the_command_is_kept_and_its_secrets_are_not(typed: str, kept: str) -> None:
    assert shown(shlex.split(typed)) == kept


@given(st.text(min_size=1).filter(lambda text: not text.startswith("--")))
def test_no_password_that_was_typed_by_mistake_is_kept(password: str) -> None:
    line = shown(["auth", "login", "--password", f"Xq7{password}"])
    assert line == "orderctl auth login --password '***'"


def test_a_line_without_end_is_cut() -> None:
    assert len(shown(["orders", "watch", *["order"] * 1000])) == LONGEST
