"""What becomes of an item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from orderctl.errors import AuthError, NotFoundError, OrderctlError, RefusedError, ThrottledError

T = TypeVar("T")
R = TypeVar("R")

FATAL: tuple[type[OrderctlError], ...] = (AuthError, NotFoundError, RefusedError)
"""What would end every other item the same way."""


@dataclass(frozen=True, slots=True)
class Done(Generic[T, R]):
    """`item` was worked on; `result` is what came of it."""

    item: T
    result: R


@dataclass(frozen=True, slots=True)
class Failed(Generic[T]):
    """`item` failed, or was still throttled when the patience ended."""

    item: T
    error: OrderctlError


Outcome: TypeAlias = Done[T, R] | Failed[T]


class PartlyThrottledError(ThrottledError):
    """A part of the item is done, the rest of it was throttled: its patience begins anew."""
