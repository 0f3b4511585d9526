"""Importing many users: a few at a time, a report line each, and able to go on where it stopped.

What a row came to is journaled before it is reported, so an import that was killed does no row twice: run the same
file again. A row whose user exists already with the same content counts as settled, because a run killed
between the API's answer and the journal leaves exactly that. A Retry-After holds back every row, not only the
one that was answered so.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

from orderctl.clock import Clock
from orderctl.errors import ConflictError, FailedError, NotFoundError
from orderctl.pool import FATAL, Done, Pool
from orderctl.users.api_errors import ThrottledByApiError
from orderctl.users.import_file import ImportFile
from orderctl.users.models import SETTLED, HowCreated, Row, RowOutcome, RowReport, User
from orderctl.users.ports import ImportJournal, NotCreatedError, NotSentError
from orderctl.users.service import Users, differences

TRIES = 3
"""Of a row that surely did not arrive: no connection, or looked for after a lost answer and absent."""
PATIENCE = 300.0
"""Seconds a row is tried again while the API throttles."""


class Importer:
    """Imports files of users through `users`, at most `workers` rows at a time."""

    def __init__(self, users: Users, journal: ImportJournal, clock: Clock, *, workers: int = 8) -> None:
        self._users = users
        self._journal = journal
        self._pool = Pool(clock, workers=workers, patience=PATIENCE)
        self._pause = _Pause(clock)

    def run(self, file: ImportFile) -> Iterator[RowReport]:
        """Import every row and report each: first those settled before, then the others as they end.

        Ctrl-C lets the rows in flight end and sends no more. Raises ConflictError while another process imports
        the same file, AuthError and RefusedError as soon as one row meets them.
        """
        with self._journal.opened():
            settled = self._journal.settled()
            for row in file.rows:
                if row.line in settled:
                    yield RowReport(row.line, row.user.user_id, RowOutcome.DONE_BEFORE)
            waiting = (row for row in file.rows if row.line not in settled)
            for outcome in self._pool.each(self._import_row, waiting):
                if isinstance(outcome, Done):
                    yield outcome.result
                elif not isinstance(outcome.error, FATAL):
                    row = outcome.item
                    yield RowReport(row.line, row.user.user_id, RowOutcome.FAILED, outcome.error.message)

    def _import_row(self, row: Row) -> RowReport:
        outcome, message = self._outcome(row.user)
        if outcome in SETTLED:
            self._journal.settle(row.line, outcome)
        return RowReport(row.line, row.user.user_id, outcome, message)

    def _outcome(self, user: User) -> tuple[RowOutcome, str | None]:
        try:
            is_found = self._create(user) is HowCreated.FOUND
            return RowOutcome.CREATED, "the answer was lost; it is there" if is_found else None
        except ConflictError:
            differing = differences(user, self._existing(user))
            if differing:
                return RowOutcome.CONFLICT, f"exists with another {', '.join(differing)}"
            return RowOutcome.UNCHANGED, "exists with the same content"

    def _existing(self, user: User) -> User:
        try:
            return self._users.get(user.user_id)
        except NotFoundError as error:  # for one row, so it must not stop the others
            raise FailedError(f"the API says it exists, and then that it does not: {error.message}") from error

    def _create(self, user: User) -> HowCreated:
        for attempt in range(TRIES):
            self._pause.wait()
            try:
                return self._users.create(user).how
            except ThrottledByApiError as error:
                self._pause.everyone(error.retry_after or 0.0)
                raise
            except (NotSentError, NotCreatedError):
                if attempt == TRIES - 1:
                    raise
                self._pause.everyone(0.5 * 2**attempt)
        raise AssertionError("the last attempt returns or raises")


class _Pause:
    """A wait that all rows share."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until = clock.monotonic()
        self._lock = threading.Lock()

    def everyone(self, seconds: float) -> None:
        with self._lock:
            self._until = max(self._until, self._clock.monotonic() + seconds)

    def wait(self) -> None:
        while (rest := self._until - self._clock.monotonic()) > 0:
            self._clock.sleep(rest)
