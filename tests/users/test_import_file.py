from __future__ import annotations

import io

import pytest

from orderctl.documents import Format, opened
from orderctl.errors import UsageError
from orderctl.users.import_file import ImportFile, read_import


def _read(text: str, fmt: Format = Format.CSV) -> ImportFile:
    with opened("-", io.StringIO(text), fmt=fmt) as source:
        return read_import(source)


def _problems(text: str, fmt: Format = Format.CSV) -> list[str]:
    with pytest.raises(UsageError) as raised:
        _read(text, fmt)
    assert "nothing was sent" in (raised.value.hint or "")
    return raised.value.message.splitlines()


def test_csv_rows_keep_their_lines_and_their_extra_columns() -> None:
    file = _read('name,user_id,email,plan,age:json\nAda,u-1,a@b.c,gold,5\n\n"Grace",u-2,g@b.c,,\n')
    assert [(row.line, row.user.user_id, dict(row.user.extra)) for row in file.rows] == [
        (2, "u-1", {"plan": "gold", "age": 5}),
        (4, "u-2", {}),
    ]


def test_json_lines_keep_types() -> None:
    file = _read('{"user_id": "u-1", "email": "a@b.c", "name": "A", "age": 5}\n\n', Format.JSONL)
    assert file.rows[0].user.extra == {"age": 5}


def test_every_problem_is_listed_with_its_line() -> None:
    good = '{"user_id": "u-1", "email": "a@b.c", "name": "A"}'
    text = f'{good}\n{{"user_id": "u-2"}}\n{{"user_id": 7, "email": "x", "name": "A"}}\n{good}\n[]\n'
    assert _problems(text, Format.JSONL) == [
        "<stdin>:2: email is missing",
        "<stdin>:2: name is missing",
        "<stdin>:3: user_id is not text",
        "<stdin>:4: user_id 'u-1' stands on line 1 too",
        "<stdin>:5: a JSON object is wanted here",
    ]


def test_a_user_whose_id_stood_on_a_wrong_line_is_still_named_twice() -> None:
    assert _problems("user_id,email,name\nu-1,bad,A\nu-1,a@b.c,A\n") == [
        "<stdin>:2: email is no address like name@example.com",
        "<stdin>:3: user_id 'u-1' stands on line 2 too",
    ]


def test_many_problems_are_counted_after_the_first_twenty() -> None:
    lines = _problems("user_id,email,name\n" + "u,x,n\n" * 100)
    assert len(lines) == 21
    assert lines[-1] == "and 80 more"


def test_a_file_without_a_user_is_refused() -> None:
    with pytest.raises(UsageError, match="no user in it"):
        _read("user_id,email,name\n")


def test_a_file_is_known_again_by_what_it_says_and_where() -> None:
    one = _read("user_id,email,name\nu,a@b.c,n\n")
    assert one.digest == _read("user_id,email,name\r\nu,a@b.c,n\r\n").digest
    assert one.digest != _read("user_id,email,name\nu,a@b.c,m\n").digest
    assert one.digest != _read("user_id,email,name\n\nu,a@b.c,n\n").digest
