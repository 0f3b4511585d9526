"""A fatal refusal of a delivery as one of our errors, so that its exit code is that of the same call made from here."""

from __future__ import annotations

from orderctl.bulk.models import Fate
from orderctl.errors import AuthError, FailedError, NotFoundError, OrderctlError

ROLE = "the function BulkDeliver may deliver to what the reference stack names; for others use --engine own"
_MISSING = ("NotFound", "NonExistent", "DoesNotExist", "404")


def error_of(fate: Fate) -> OrderctlError:
    """By AWS's own word for it."""
    text = f"BulkDeliver: {fate.reason}"
    if any(word in fate.code for word in _MISSING):
        return NotFoundError(text)
    if fate.code.lower().startswith("kms"):
        return FailedError(text)
    return AuthError(text, hint=ROLE)
