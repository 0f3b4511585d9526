"""Whose credentials these are, without asking STS."""

from __future__ import annotations

from orderctl.errors import OrderctlError

ACCOUNT = "123456789012"
ARN = f"arn:aws:sts::{ACCOUNT}:assumed-role/oncall/ada"


class FakeIdentity:
    """The person on call, in the account every other fake is in; or an error where nobody can be told."""

    def __init__(self, error: OrderctlError | None = None) -> None:
        self._error = error

    def account(self) -> str:
        self._check()
        return ACCOUNT

    def arn(self) -> str:
        self._check()
        return ARN

    def _check(self) -> None:
        if self._error is not None:
            raise self._error
