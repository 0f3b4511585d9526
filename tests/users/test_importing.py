from __future__ import annotations

import io
import random
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from orderctl.clock import SystemClock
from orderctl.documents import opened
from orderctl.errors import AuthError, ConflictError
from orderctl.users.import_file import ImportFile, read_import
from orderctl.users.importing import Importer
from orderctl.users.journal import JournalFile
from orderctl.users.models import RowOutcome, RowReport
from orderctl.users.ports import ApiAnswer
from orderctl.users.service import Users
from tests.fakes.clock import FakeClock
from tests.users.fake_api import FakeUsersApi, Fault, answer

API = "https://api.example/Prod"


def _file(count: int) -> ImportFile:
    rows = "".join(f"u-{n},user{n}@canary.example,Name {n}\n" for n in range(count))
    with opened("-", io.StringIO(f"user_id,email,name\n{rows}")) as source:
        return read_import(source)


def _run(
    api: FakeUsersApi, file: ImportFile, state: Path, clock: FakeClock | None = None, workers: int = 1
) -> list[RowReport]:
    clock = clock or FakeClock()
    journal = JournalFile(state, file.digest, API)
    return list(Importer(Users(api, clock), journal, clock, workers=workers).run(file))


def _outcomes(reports: list[RowReport]) -> Counter[RowOutcome]:
    return Counter(report.outcome for report in reports)


def _striking(fault: Fault, *posts: int) -> Callable[[int], Fault | None]:
    return lambda n: fault if n in posts else None


def test_every_row_is_created_and_reported_once(tmp_path: Path) -> None:
    api = FakeUsersApi()
    reports = _run(api, _file(100), tmp_path, workers=8)
    assert sorted(report.line for report in reports) == list(range(2, 102))
    assert _outcomes(reports) == {RowOutcome.CREATED: 100}
    assert len(api.users) == 100


def test_no_more_rows_than_allowed_are_under_way(tmp_path: Path) -> None:
    class Slow(FakeUsersApi):
        def _post(self, body: Mapping[str, object]) -> ApiAnswer:
            return answer(201)

    api = Slow()
    _run(api, _file(200), tmp_path, workers=3)
    assert 1 <= api.most_at_once <= 3


def test_importing_the_same_file_again_sends_nothing(tmp_path: Path) -> None:
    api = FakeUsersApi()
    _run(api, _file(20), tmp_path)
    api.requests.clear()
    assert _outcomes(_run(api, _file(20), tmp_path)) == {RowOutcome.DONE_BEFORE: 20}
    assert api.requests == []


def test_the_same_file_into_another_api_is_another_import(tmp_path: Path) -> None:
    file, api, clock = _file(3), FakeUsersApi(), FakeClock()
    _run(FakeUsersApi(), file, tmp_path)
    journal = JournalFile(tmp_path, file.digest, "https://other.example/Prod")
    assert len(list(Importer(Users(api, clock), journal, clock).run(file))) == len(api.users) == 3


def test_an_import_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    api, clock, file = FakeUsersApi(), FakeClock(), _file(50)
    running = Importer(Users(api, clock), JournalFile(tmp_path, file.digest, API), clock, workers=2).run(file)
    for _ in range(10):
        next(running)
    running.close()  # type: ignore[attr-defined]
    done = len(api.users)
    assert 10 <= done < 50
    reports = _run(api, file, tmp_path)
    assert _outcomes(reports) == {RowOutcome.DONE_BEFORE: done, RowOutcome.CREATED: 50 - done}
    assert Counter(api.writes).most_common(1)[0][1] == 1


def test_a_row_written_but_not_journaled_is_settled_by_looking(tmp_path: Path) -> None:
    api = FakeUsersApi()
    api.users["u-1"] = {"user_id": "u-1", "email": "user1@canary.example", "name": "Name 1"}
    assert _outcomes(_run(api, _file(3), tmp_path)) == {RowOutcome.CREATED: 2, RowOutcome.UNCHANGED: 1}


def test_a_user_with_other_content_is_a_conflict_and_is_not_touched(tmp_path: Path) -> None:
    api = FakeUsersApi()
    api.users["u-1"] = {"user_id": "u-1", "email": "user1@canary.example", "name": "Somebody else"}
    reports = _run(api, _file(3), tmp_path)
    assert reports[1] == RowReport(3, "u-1", RowOutcome.CONFLICT, "exists with another name")
    assert api.users["u-1"]["name"] == "Somebody else"


def test_a_throttled_row_waits_as_long_as_the_api_asks(tmp_path: Path) -> None:
    api, clock = FakeUsersApi(_striking(Fault.THROTTLED_POLITELY, 1, 2)), FakeClock()
    assert _outcomes(_run(api, _file(3), tmp_path, clock)) == {RowOutcome.CREATED: 3}
    assert 6.0 <= sum(clock.slept) <= 7.0


def test_an_api_that_never_stops_throttling_fails_the_row_not_the_import(tmp_path: Path) -> None:
    clock = FakeClock()
    api = FakeUsersApi(lambda n: Fault.THROTTLED if clock.elapsed < 306 else None)
    reports = _run(api, _file(2), tmp_path, clock)
    assert [report.outcome for report in reports] == [RowOutcome.FAILED, RowOutcome.CREATED]


def test_a_failed_row_is_tried_again_by_the_next_run(tmp_path: Path) -> None:
    api = FakeUsersApi(_striking(Fault.ERROR_BEFORE, 1, 2, 3))
    assert _outcomes(_run(api, _file(3), tmp_path)) == {RowOutcome.CREATED: 2, RowOutcome.FAILED: 1}
    assert _outcomes(_run(api, _file(3), tmp_path)) == {RowOutcome.DONE_BEFORE: 2, RowOutcome.CREATED: 1}


@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.LOST_BEFORE, Fault.ERROR_BEFORE])
def test_a_row_that_surely_did_not_arrive_is_sent_again(tmp_path: Path, fault: Fault) -> None:
    api = FakeUsersApi(_striking(fault, 1, 2))
    assert _outcomes(_run(api, _file(3), tmp_path)) == {RowOutcome.CREATED: 3}
    assert Counter(api.writes).most_common(1)[0][1] == 1


def test_a_refused_token_stops_the_import_at_once(tmp_path: Path) -> None:
    class Refusing(FakeUsersApi):
        def _post(self, body: Mapping[str, object]) -> ApiAnswer:
            return answer(401, '{"message": "Unauthorized"}')

    api = Refusing()
    with pytest.raises(AuthError):
        _run(api, _file(1000), tmp_path, workers=4)
    assert len(api.requests) < 20


def test_two_processes_do_not_import_one_file_at_once(tmp_path: Path) -> None:
    file, api, clock = _file(5), FakeUsersApi(), FakeClock()
    with JournalFile(tmp_path, file.digest, API).opened(), pytest.raises(ConflictError, match="another process"):
        list(Importer(Users(api, clock), JournalFile(tmp_path, file.digest, API), clock).run(file))
    assert api.requests == []


def test_the_journal_is_private_and_holds_nothing_of_a_user(tmp_path: Path) -> None:
    file = _file(3)
    _run(FakeUsersApi(), file, tmp_path)
    (path,) = (tmp_path / "imports").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert "canary" not in path.read_text()
    assert "u-1" not in path.read_text()


def test_a_journal_line_cut_off_by_a_crash_costs_nothing(tmp_path: Path) -> None:
    file, api = _file(3), FakeUsersApi()
    _run(api, file, tmp_path)
    (path,) = (tmp_path / "imports").iterdir()
    path.write_bytes(path.read_bytes()[:-8])
    assert _outcomes(_run(api, file, tmp_path)) == {RowOutcome.DONE_BEFORE: 2, RowOutcome.UNCHANGED: 1}
    assert _outcomes(_run(api, file, tmp_path)) == {RowOutcome.DONE_BEFORE: 3}


ROWS = 10_000


def test_an_import_with_faults_accounts_for_every_row_and_writes_none_twice(tmp_path: Path) -> None:
    chance = random.Random(5)
    faults = [
        Fault.NOT_SENT,
        Fault.LOST_BEFORE,
        Fault.LOST_AFTER,
        Fault.ERROR_BEFORE,
        Fault.ERROR_AFTER,
        Fault.THROTTLED,
    ]
    api = FakeUsersApi(lambda n: chance.choice(faults) if chance.random() < 0.1 else None)
    file, clock = _file(ROWS), _Quick()
    for _ in range(6):
        journal = JournalFile(tmp_path, file.digest, API)
        reports = list(Importer(Users(api, clock), journal, clock).run(file))
        assert sorted(report.line for report in reports) == [row.line for row in file.rows]
        failed = {report.user_id for report in reports if report.outcome is RowOutcome.FAILED}
        assert failed.isdisjoint(api.users)
        assert len(failed) + len(api.users) == ROWS
        if not failed:
            break
    assert not failed
    assert Counter(api.writes).most_common(1)[0][1] == 1


class _Quick(SystemClock):
    """Real time, a thousand times faster."""

    def monotonic(self) -> float:
        return super().monotonic() * 1000

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds / 1000)
