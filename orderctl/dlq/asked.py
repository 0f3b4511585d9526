"""What a person asked of a redrive, in the form that journal and plan files keep.

An interrupted run has to go on with the filters and edits it began with: resumed without them it would
redrive what was left out on purpose. So the words of the command line are kept, with the moments they meant
made absolute, and read back instead of being asked for again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from orderctl.assignments import changes
from orderctl.dlq.models import Kind
from orderctl.dlq.plan import Order
from orderctl.dlq.selection import Selection, Where
from orderctl.errors import UsageError


@dataclass(frozen=True, slots=True)
class Asked:
    """Filters, edits and limit as given; `since` and `until` as ISO 8601."""

    kinds: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    order_ids: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None
    where: str | None = None
    sets: tuple[str, ...] = ()
    unsets: tuple[str, ...] = ()
    function: str | None = None
    limit: int | None = None
    rate: float | None = None
    concurrency: int | None = None
    max_redrives: int | None = None

    @property
    def is_everything(self) -> bool:
        """Was nothing asked for but the whole queue as it is, however fast and often?"""
        return replace(self, rate=None, concurrency=None, max_redrives=None) == Asked()

    def document(self) -> dict[str, object]:
        """The form that is written to disk: only what was given."""
        return {name: value for name, value in asdict(self).items() if value not in ((), None)}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Asked:
        """What `document` wrote; raises UsageError for anything else."""
        try:
            given: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in document.items()}
            return cls(**given)
        except TypeError as error:
            raise UsageError(f"not a record of a redrive of this version: {error}") from error

    def selection(self, compile_where: Callable[[str], Where]) -> Selection:
        """The filters; raises UsageError naming the flag that is wrong."""
        return Selection(
            frozenset(_kind(word) for word in self.kinds),
            self.errors,
            self.sources,
            frozenset(self.order_ids),
            frozenset(self.ids),
            _moment(self.since),
            _moment(self.until),
            None if self.where is None else compile_where(self.where),
        )

    def order(
        self,
        compile_where: Callable[[str], Where],
        *,
        rate: float | None = None,
        concurrency: int | None = None,
        max_redrives: int | None = None,
    ) -> Order:
        """The same as an order for the engine; how fast and how often as given now, or else as it was kept."""
        selection, edits = self.selection(compile_where), changes(self.sets, self.unsets)
        order = Order(selection, edits, self.function, self.limit)
        return replace(
            order,
            rate=self.rate if rate is None else rate,
            concurrency=concurrency or self.concurrency or order.concurrency,
            max_redrives=next(n for n in (max_redrives, self.max_redrives, order.max_redrives) if n is not None),
        )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _kind(word: str) -> Kind:
    try:
        return Kind(word)
    except ValueError as error:
        hint = "one of: " + ", ".join(kind.value for kind in Kind)
        raise UsageError(f"--kind cannot be {word!r}", hint=hint) from error
