"""The challenges a person answers: what to ask, and under which name the answer goes back.

The names are Cognito's (RespondToAuthChallenge). Codes and new passwords are asked for without being shown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from orderctl.auth.models import Challenge
from orderctl.auth.ports import Prompter
from orderctl.errors import AuthError, UsageError

_CODES: Mapping[str, tuple[str, str]] = {
    "SOFTWARE_TOKEN_MFA": ("SOFTWARE_TOKEN_MFA_CODE", "Code from the authenticator app"),
    "SMS_MFA": ("SMS_MFA_CODE", "Code sent by text message"),
    "SMS_OTP": ("SMS_OTP_CODE", "Code sent by text message"),
    "EMAIL_OTP": ("EMAIL_OTP_CODE", "Code sent by email"),
}
FACTOR_FLAG = "--mfa-type NAME"
ASKED = frozenset({*_CODES, "NEW_PASSWORD_REQUIRED", "SELECT_MFA_TYPE"})
"""The challenges `answer_asked` can answer."""


def answer_asked(challenge: Challenge, prompter: Prompter) -> dict[str, str]:
    """The person's answer to one of `ASKED`, under the names Cognito expects."""
    if challenge.name == "NEW_PASSWORD_REQUIRED":
        return _new_password(challenge, prompter)
    if challenge.name == "SELECT_MFA_TYPE":
        return {"ANSWER": prompter.choose("Second factor", _listed(challenge, "MFAS_CAN_CHOOSE"), flag=FACTOR_FLAG)}
    answer, label = _CODES[challenge.name]
    sent_to = challenge.parameters.get("CODE_DELIVERY_DESTINATION")
    return {answer: prompter.ask_code(f"{label} ({sent_to})" if sent_to else label).strip()}


def _new_password(challenge: Challenge, prompter: Prompter) -> dict[str, str]:
    """A password of the person's own, twice, and each attribute the pool requires and does not have yet."""
    password = prompter.ask_secret("New password")
    if password != prompter.ask_secret("New password again"):
        raise UsageError("the two new passwords differ", hint="orderctl auth login")
    missing = [name.removeprefix("userAttributes.") for name in _listed(challenge, "requiredAttributes")]
    attributes = {f"userAttributes.{name}": prompter.ask(f"Your {name}") for name in missing}
    return {"NEW_PASSWORD": password, **attributes}


def _listed(challenge: Challenge, parameter: str) -> list[str]:
    """A challenge parameter that is a JSON list of strings."""
    try:
        values = json.loads(challenge.parameters.get(parameter) or "[]")
    except ValueError:
        values = None
    if not isinstance(values, list):
        raise AuthError(f"{challenge.name} came with a {parameter} that cannot be read")
    return [str(value) for value in values]
