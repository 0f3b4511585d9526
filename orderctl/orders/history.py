"""Reading an execution's history: every event once, in order, none missing.

AWS's page token belongs to one snapshot and the last page has none, so there is nothing to resume with.
The first read goes forwards, page by page, so that a history of 25,000 events never has to be held. Every
later one goes backwards from the end until it meets the last event it has, which proves there is no gap;
what it brought is small.

Ids are counted from 1 without holes. An event that is missing in between is waited for over a few reads,
because the history is not documented to be consistent; then the hole is told, and reading goes on: a watch
that stands still helps nobody.

A read may break off between two pages, throttled or without a network. Forwards it goes on at that page; so
whoever is far behind reads forwards, and gets to the end however often that happens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orderctl.orders.models import HistoryEvent, HistoryPage
from orderctl.orders.names import is_express
from orderctl.orders.ports import Histories
from orderctl.pacing import TokenBucket

FIRST_PAGE = 1000
"""Events a page, AWS's limit, where everything is wanted."""
NEWS_PAGE = 100
"""Events a page, where only the newest are."""
FARTHEST_BACK = 10
"""Pages read backwards; what is further behind is read forwards again, where every page read is kept."""
PATIENCE = 3
"""Reads a missing event is waited for."""
LOG_PATIENCE = 15
"""The same where events come through a log, which delivers them out of order and late."""


class HistoryReader:
    """Reads one execution; remembers the last id handed out."""

    def __init__(
        self,
        histories: Histories,
        execution_arn: str,
        bucket: TokenBucket,
        *,
        with_data: bool = False,
        patience: int | None = None,
    ) -> None:
        self.execution_arn = execution_arn
        self.last_id = 0
        self.holes: list[str] = []
        """Ranges of ids that never came, in words; whoever reads takes them out."""
        self._histories = histories
        self._bucket = bucket
        self._with_data = with_data
        self._reads_with_hole = 0
        self._is_near_the_end = False
        self._goes_on_at: str | None = None
        """The page at which a read forwards broke off."""
        self._patience = patience or (LOG_PATIENCE if is_express(execution_arn) else PATIENCE)

    @property
    def is_waiting(self) -> bool:
        """Are later events there already, and one before them missing?"""
        return self._reads_with_hole > 0

    def read(self) -> Iterator[Sequence[HistoryEvent]]:
        """Batches of what is new, in order; nothing where nothing is. One call a page, paced."""
        found = self._backwards() if self._is_near_the_end else None
        if found is not None:
            yield self._accept(found)
            return
        self._is_near_the_end = False
        while True:
            page = self._page(newest_first=False, size=FIRST_PAGE, token=self._goes_on_at)
            is_last, before = page.next_token is None, self._reads_with_hole
            self._goes_on_at = page.next_token
            yield self._accept(page.events)
            if is_last or self._reads_with_hole > before:
                self._goes_on_at = None
                self._is_near_the_end = self.last_id > 0
                return

    def _backwards(self) -> list[HistoryEvent] | None:
        """From the end to the last event there is; None where that is too far back."""
        found: list[HistoryEvent] = []
        for number, page in enumerate(self._pages(newest_first=True, size=NEWS_PAGE), 1):
            found += page
            if any(event.id <= self.last_id for event in page):
                return found
            if number == FARTHEST_BACK:
                return None
        return found

    def _pages(self, *, newest_first: bool, size: int) -> Iterator[Sequence[HistoryEvent]]:
        token: str | None = None
        while True:
            page = self._page(newest_first=newest_first, size=size, token=token)
            yield page.events
            token = page.next_token
            if token is None:
                return

    def _page(self, *, newest_first: bool, size: int, token: str | None) -> HistoryPage:
        with self._bucket.paced():
            return self._histories.history_page(
                self.execution_arn, newest_first=newest_first, page_size=size, with_data=self._with_data, token=token
            )

    def _accept(self, found: Sequence[HistoryEvent]) -> list[HistoryEvent]:
        """The part without a hole, in order; the rest only when patience is over."""
        fresh = sorted({event.id: event for event in found if event.id > self.last_id}.values(), key=lambda e: e.id)
        accepted: list[HistoryEvent] = []
        for event in fresh:
            if event.id != self.last_id + 1:
                if self._reads_with_hole + 1 < self._patience:
                    self._reads_with_hole += 1
                    return accepted
                self.holes.append(_range(self.last_id + 1, event.id - 1))
            accepted.append(event)
            self.last_id = event.id
        if accepted:
            self._reads_with_hole = 0
        return accepted


def _range(first: int, last: int) -> str:
    return f"event {first}" if first == last else f"events {first} to {last}"
