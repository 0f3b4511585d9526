"""Endpoints that do not have an operation: emulators, and AWS itself where a resource does not support it.

Every one of them has a word of its own for "no such operation"; here is the one list of them.
"""

from __future__ import annotations

from orderctl.errors import OrderctlError

_NOT_OFFERED = frozenset({"InvalidAction", "UnknownOperationException", "NotImplemented", "501"})
_UNSUPPORTED = frozenset({"UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation"})


def is_not_offered(error: OrderctlError) -> bool:
    """Does the error say that the endpoint has no such operation, rather than that it went wrong?"""
    return error.aws is not None and error.aws.code in _NOT_OFFERED | _UNSUPPORTED
