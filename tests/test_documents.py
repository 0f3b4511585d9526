from __future__ import annotations

import io
import json
import os
import threading
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderctl import documents
from orderctl.documents import Format, Record
from orderctl.errors import FailedError, UsageError

OBJECTS = st.dictionaries(
    st.text(max_size=5), st.none() | st.integers() | st.text(max_size=8) | st.lists(st.text(max_size=3))
)


def read(content: str | bytes, fmt: Format | None = None) -> list[Record]:
    text = content if isinstance(content, str) else content.decode("utf-8", "surrogateescape")
    stdin = io.TextIOWrapper(io.BytesIO(text.encode("utf-8", "surrogateescape")), encoding="utf-8")
    with documents.opened("-", stdin, fmt=fmt) as found:
        return list(found.records())


def complaint(content: str | bytes, fmt: Format | None = None) -> str:
    with pytest.raises(UsageError) as caught:
        read(content, fmt)
    return caught.value.message


def test_csv_cells_are_text_and_an_empty_one_is_no_field() -> None:
    assert read('\ufeffproduct_id, quantity,note\nw-1,007,\n\nw-2,5,"a,\nb"\nw-3,1,x\n') == [
        Record(2, {"product_id": "w-1", "quantity": "007"}),
        Record(4, {"product_id": "w-2", "quantity": "5", "note": "a,\nb"}),
        Record(6, {"product_id": "w-3", "quantity": "1", "note": "x"}),
    ]


def test_a_json_column_holds_json() -> None:
    assert read('id,tags:json\r\na,"[1, ""x""]"\r\nb,\r\n') == [
        Record(2, {"id": "a", "tags": [1, "x"]}),
        Record(3, {"id": "b"}),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n1\n", "<stdin>:3: 1 cells under 2 column names"),
        ("a,a:json\n1,2\n", "<stdin>:1: two columns are named 'a'"),
        ("a,\n1,2\n", "<stdin>:1: column 2 has no name"),
        ('a\n"open\n', "<stdin>:2: not valid CSV: unexpected end of data"),
        ('a:json\n1\n{"x"\n', "<stdin>:3: not valid JSON: Expecting ':' delimiter"),
        (b"a\nx\n\xff\n", "<stdin>:3: not UTF-8 text"),
        ("  \n", "<stdin> is empty"),
    ],
)
def test_bad_csv_is_told_with_its_line(content: str | bytes, message: str) -> None:
    assert complaint(content) == message


def test_json_lines_keep_their_numbers_over_blank_lines() -> None:
    assert read('{"a": 1}\n\n  {"a": 2}\r\n', Format.JSONL) == [Record(1, {"a": 1}), Record(3, {"a": 2})]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": 1}\n{"a": }\n', "<stdin>:2: not valid JSON: Expecting value"),
        ('{"a": 1}\n[1]\n', "<stdin>:2: a JSON object is wanted here"),
        ('{"a": NaN}\n', "<stdin>:1: NaN is not JSON"),
        ('{"a": 1}\n{"a": 1, "a": 2}\n', "<stdin>:2: the key 'a' stands twice in one object"),
        (b'{"a": 1}\n{"a": "\xff"}\n', "<stdin>:2: not UTF-8 text"),
    ],
)
@pytest.mark.parametrize("fmt", [Format.JSONL, Format.JSON])
def test_bad_json_is_told_with_its_line(content: str | bytes, message: str, fmt: Format) -> None:
    assert complaint(content, fmt) == message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[{"a": 1},\n]', "<stdin>:2: a JSON object is wanted here"),
        ('[{"a": 1}\n{"a": 1}]', "<stdin>:2: ',' or ']' is wanted here"),
        ('[{"a": 1}\n', "<stdin>:2: ',' or ']' is wanted here"),
        ("[", "<stdin>:1: a JSON object is wanted here"),
        ('[{"a": 1}]\n{}', "<stdin>:2: something follows the end of the array"),
        ('[\n{"a": [1}', "<stdin>:2: the object that starts here does not end"),
        ('[\n{"a": "x}', "<stdin>:2: the object that starts here does not end"),
        ('[{"a": [1}}]', "<stdin>:1: not valid JSON: Expecting ',' delimiter"),
        ("[5]", "<stdin>:1: a JSON object is wanted here"),
    ],
)
def test_a_bad_array_is_told_with_its_line(content: str, message: str) -> None:
    assert complaint(content, Format.JSON) == message


@given(st.lists(OBJECTS, max_size=6), st.sampled_from([None, 1]))
def test_an_array_gives_the_objects_json_itself_would_read(
    objects: list[dict[str, object]], indent: int | None
) -> None:
    text = json.dumps(objects, indent=indent, ensure_ascii=False)
    raw = text.encode("utf-8", "surrogatepass")
    if b"\xed" in raw and any(0xD800 <= ord(character) <= 0xDFFF for character in text):
        return
    assert [record.values for record in read(raw, Format.JSON)] == objects


@given(st.lists(OBJECTS, min_size=1, max_size=6))
def test_objects_one_after_another_start_at_the_lines_told(objects: list[dict[str, object]]) -> None:
    texts = [json.dumps(item, indent=1) for item in objects]
    starts = [1 + sum(text.count("\n") + 1 for text in texts[:number]) for number in range(len(texts))]
    assert [(r.line, r.values) for r in read("\n".join(texts))] == list(zip(starts, objects, strict=True))


@settings(max_examples=200)
@given(st.binary(max_size=60), st.sampled_from(list(Format)))
def test_no_bytes_whatever_end_in_anything_but_records_or_a_usage_error(content: bytes, fmt: Format) -> None:
    try:
        read(content, fmt)
    except UsageError as error:
        assert "<stdin>" in error.message  # noqa: PT017


def test_an_object_longer_than_the_buffer_is_read_whole() -> None:
    long = 'é\\"' * 200_000
    text = json.dumps([{"a": long}, {"b": 1}], ensure_ascii=False)
    assert [record.values for record in read(text)] == [{"a": long}, {"b": 1}]


@pytest.mark.parametrize("fmt", list(Format))
@pytest.mark.parametrize("start", [b'{"a": "', b'a\n"x', b'[{"a": "', b'[{"a": ['])
def test_a_line_of_sixty_megabytes_ends_in_an_error_with_bounded_memory(
    fmt: Format, start: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "long"
    with path.open("wb") as file:
        file.write(start)
        for _ in range(60):
            file.write(b"1," * 512 * 1024)
    tracemalloc.start()
    with documents.opened(str(path), io.StringIO(), fmt=fmt) as found, pytest.raises(UsageError):
        list(found.records())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 * 1024 * 1024


@pytest.mark.parametrize("fmt", [Format.JSONL, Format.CSV])
def test_the_line_that_is_too_long_is_named(fmt: Format) -> None:
    content = '{"a": 1}\n' + '{"a": "' + "x" * (documents.MAX_RECORD + 1)
    assert complaint(content, fmt) == "<stdin>:2: a record of more than 4 MiB"


def test_a_quote_that_never_closes_does_not_swallow_the_file() -> None:
    content = 'a\n"x\n' + "y" * 99 + "\n"
    assert "a record of more than 4 MiB" in complaint(content + ("z" * 99 + "\n") * 50_000)


@pytest.mark.parametrize("opening", ["[", '{"a":', '{"a": ['])
def test_a_hundred_thousand_open_brackets_are_refused(opening: str) -> None:
    for fmt in (Format.JSON, Format.JSONL):
        begun = time.monotonic()
        message = complaint('[{"a":' * (fmt is Format.JSON) + opening * 100_000, fmt)
        assert message.startswith("<stdin>:1: ")
        assert time.monotonic() - begun < 2


def test_a_file_is_read_as_often_as_wanted(tmp_path: Path) -> None:
    path = tmp_path / "stock.jsonl"
    path.write_text('{"a": 1}\n{"a": 2}\n')
    with documents.opened(str(path), io.StringIO()) as found:
        assert found.format is Format.JSONL
        assert list(found.records()) == list(found.records())
        assert found.where(2) == f"{path}:2"


def test_a_pipe_is_kept_so_that_it_can_be_read_twice(tmp_path: Path) -> None:
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    writer = threading.Thread(target=fifo.write_text, args=('{"a": 1}\n',))
    writer.start()
    with documents.opened(str(fifo), io.StringIO()) as found:
        assert [list(found.records()), list(found.records())] == [[Record(1, {"a": 1})]] * 2
    writer.join()


def test_a_text_stream_without_bytes_can_stand_for_stdin() -> None:
    with documents.opened("-", io.StringIO('{"a": "é"}')) as found:
        assert list(found.records()) == [Record(1, {"a": "é"})]


def test_a_file_that_changes_between_two_readings_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "stock.jsonl"
    path.write_text('{"a": 1}\n')
    with documents.opened(str(path), io.StringIO()) as found:
        list(found.records())
        path.write_text('{"a": 1}\n{"a": "other"}\n')
        with pytest.raises(FailedError, match="was changed while"):
            list(found.records())


def test_a_missing_file_and_a_directory_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no file"), documents.opened(str(tmp_path / "no"), io.StringIO()):
        pass
    with pytest.raises(UsageError, match="is a directory"), documents.opened(str(tmp_path), io.StringIO()):
        pass


def test_fifty_thousand_records_need_flat_memory(tmp_path: Path) -> None:
    for fmt, before, line, after in (
        ("csv", "a,b\n", "x,1\n", ""),
        ("json", "[\n", '{"a": 1},\n', "{}]"),
        ("jsonl", "", '{"a": 1}\n', ""),
    ):
        path = tmp_path / f"many.{fmt}"
        path.write_text(before + line * 50_000 + after)
        with documents.opened(str(path), io.StringIO()) as found:
            tracemalloc.start()
            count = sum(1 for _ in found.records())
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert count >= 50_000
        assert peak < 1024 * 1024
