"""Sets and maps of message ids that stay small: every id of a run is remembered until its end.

That each message is delivered at most once a run cannot be had for less than an id a message. As Python objects one
costs two hundred bytes and more; an id as SQS and Lambda write it is a UUID, which is sixteen bytes and can be read
back. So they are kept as two numbers in one array, and found through an index of four-byte numbers: about 25 bytes
for an id of a set, 45 for a pair that is found from both sides and may be marked. Other ids, such as an execution's
ARN, are kept as they are.

Nearly every question is about an id that is not there. A page of a million bits, with one set for the hash of each
id that is, answers most of them at once; the others the index answers.

Reading needs no lock, as with a dict: an entry is written whole before the index names it, and an index that has
become too small is replaced, never changed under a reader.
"""

from __future__ import annotations

import re
import threading
from array import array
from collections.abc import Iterable, Iterator, Mapping, MutableSet
from struct import Struct
from typing import Any

_BITS = 1 << 20
_LOW = (1 << 64) - 1
_SHIFT = 10
_ON_PAGE = (1 << _SHIFT) - 1
"""A page has 1,024 entries."""
_Halves = tuple[int, int]
_NONE: _Halves = (0, 0)
"""Stands for "no new id"; the nil UUID, which nobody hands out, is kept as any other text."""
_is_uuid = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch


class _Log:
    """Entries of `width` numbers each, in the order in which they came."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.pages: list[array[int]] = []
        self._pack = Struct(f"{width}Q").pack_into
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, entry: tuple[int, ...]) -> int:
        """Write one; answers its number."""
        number = self._count
        if number >> _SHIFT == len(self.pages):
            self.pages.append(array("Q", bytes(8 * self.width << _SHIFT)))
        self._pack(self.pages[number >> _SHIFT], (number & _ON_PAGE) * self.width * 8, *entry)
        self._count += 1
        return number

    def halves(self, number: int, offset: int = 0) -> _Halves:
        """Two numbers of an entry."""
        page, at = self.pages[number >> _SHIFT], (number & _ON_PAGE) * self.width + offset
        return page[at], page[at + 1]

    def put(self, number: int, offset: int, halves: _Halves) -> None:
        """Write two numbers of an entry anew."""
        page, at = self.pages[number >> _SHIFT], (number & _ON_PAGE) * self.width + offset
        page[at], page[at + 1] = halves


class IdSet(MutableSet[str]):
    """Ids, in the order in which they came."""

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self._log = _Log(2)
        self._index = _Index(self._log, 0)
        self._odd: dict[str, None] = {}
        self._lock = threading.Lock()
        self.update(ids)

    def update(self, ids: Iterable[str]) -> None:
        """Add them all."""
        for each in ids:
            self.add(each)

    def add(self, value: str) -> None:
        """Add one."""
        halves = _packed(value)
        with self._lock:
            if halves is None:
                self._odd[value] = None
            elif self._index.find(value, halves) < 0:
                self._index.put(value, halves, self._log.append(halves))

    def discard(self, value: str) -> None:
        """Nothing is taken out of the log of a run."""
        raise TypeError("ids are not forgotten")

    def __contains__(self, value: object) -> bool:
        return isinstance(value, str) and (self._index.find(value) >= 0 or value in self._odd)

    def __len__(self) -> int:
        return len(self._log) + len(self._odd)

    def __iter__(self) -> Iterator[str]:
        for number in range(len(self._log)):
            yield _text(*self._log.halves(number))
        yield from list(self._odd)

    @classmethod
    def _from_iterable(cls, it: Iterable[Any]) -> set[Any]:
        """What comes of `&` and `-` is a plain set."""
        return set(it)


class IdMap(Mapping[str, "str | None"]):
    """Id to the id it became, or None; `origins` is the way back."""

    def __init__(self) -> None:
        self._log = _Log(4)
        self._keys = _Index(self._log, 0)
        self._values: _Index | None = None
        self._odd: dict[str, str | None] = {}
        """Pairs of which one is no UUID."""
        self._odd_origins: dict[str, str] = {}
        self._odd_alone = 0
        """How many of these have no entry in the log as well."""
        self._marks = bytearray()
        self._lock = threading.Lock()

    def update(self, ids: Mapping[str, str | None]) -> None:
        """Take in pairs; a key that is there gets the new value."""
        with self._lock:
            for key, value in ids.items():
                self._set(key, value)

    def _set(self, key: str, value: str | None) -> None:
        halves, became = _packed(key), _NONE if value is None else _packed(value)
        at = -1 if halves is None else self._keys.find(key, halves)
        if halves is None or became is None:
            self._odd_alone += at < 0 and key not in self._odd
            self._odd[key] = value
            if value is not None:
                self._odd_origins[value] = key
            return
        if key in self._odd:
            del self._odd[key]
            self._odd_alone -= at < 0
        if at < 0:
            at = self._log.append(halves + became)
            self._marks.append(0)
            self._keys.put(key, halves, at)
        else:
            self._log.put(at, 2, became)
        if value is not None and self._values is not None:
            self._values.put(value, became, at)

    def mark(self, key: str) -> bool:
        """Mark a key; answers whether there is a place for it."""
        with self._lock:
            at = self._keys.find(key)
            if at >= 0:
                self._marks[at] = 1
        return at >= 0

    def is_marked(self, key: str) -> bool:
        """Was the key marked?"""
        at = self._keys.find(key)
        return at >= 0 and bool(self._marks[at])

    @property
    def marks(self) -> int:
        """How many are marked."""
        return self._marks.count(1)

    def marked(self) -> Iterator[str]:
        """Every key that was marked."""
        return (self._key(at) for at, mark in enumerate(self._marks) if mark)

    def origin(self, value: str) -> str | None:
        """What became `value`, or None."""
        at = (self._values or self._both_ways()).find(value)
        return self._odd_origins.get(value) if at < 0 else self._key(at)

    def _both_ways(self) -> _Index:
        """From the first time on that somebody asks: most runs never see what they delivered again."""
        with self._lock:
            if self._values is None:
                found = _Index(self._log, 2)
                for at in range(len(self._marks)):
                    became = self._log.halves(at, 2)
                    if became != _NONE:
                        found.put(_text(*became), became, at)
                self._values = found
            return self._values

    @property
    def origins(self) -> Mapping[str, str]:
        """New id to the id it was made from."""
        return _Origins(self)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and (self._keys.find(key) >= 0 or key in self._odd)

    def __getitem__(self, key: str) -> str | None:
        if key in self._odd:
            return self._odd[key]
        at = self._keys.find(key)
        if at < 0:
            raise KeyError(key)
        became = self._log.halves(at, 2)
        return None if became == _NONE else _text(*became)

    def __len__(self) -> int:
        return self._odd_alone + len(self._marks)

    def __iter__(self) -> Iterator[str]:
        for at in range(len(self._marks)):
            yield self._key(at)
        yield from (key for key in list(self._odd) if self._keys.find(key) < 0)

    def _key(self, at: int) -> str:
        return _text(*self._log.halves(at))


class Marked(MutableSet[str]):
    """The marked keys of a map, and ids that are none of its keys."""

    def __init__(self, ids: IdMap) -> None:
        self._ids = ids
        self._others = IdSet()

    def update(self, ids: Iterable[str]) -> None:
        """Add them all."""
        for each in ids:
            self.add(each)

    def add(self, value: str) -> None:
        """Add one."""
        if value not in self._others and not self._ids.mark(value):
            self._others.add(value)

    def discard(self, value: str) -> None:
        """Nothing is taken out of the log of a run."""
        raise TypeError("ids are not forgotten")

    def __contains__(self, value: object) -> bool:
        return isinstance(value, str) and (self._ids.is_marked(value) or value in self._others)

    def __len__(self) -> int:
        return self._ids.marks + len(self._others)

    def __iter__(self) -> Iterator[str]:
        yield from self._ids.marked()
        yield from self._others

    @classmethod
    def _from_iterable(cls, it: Iterable[Any]) -> set[Any]:
        """What comes of `&` and `-` is a plain set."""
        return set(it)


class _Origins(Mapping[str, str]):
    """A map read the other way."""

    def __init__(self, ids: IdMap) -> None:
        self._ids = ids

    def get(self, value: str, default: Any = None) -> Any:
        """What became `value`."""
        found = self._ids.origin(value)
        return default if found is None else found

    def __getitem__(self, key: str) -> str:
        found = self._ids.origin(key)
        if found is None:
            raise KeyError(key)
        return found

    def __iter__(self) -> Iterator[str]:
        return (value for value in self._ids.values() if value is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class _Index:
    """Where in a log an entry lies that has these two numbers at `offset`."""

    def __init__(self, log: _Log, offset: int) -> None:
        self._log, self._offset = log, offset
        self._slots = _empty(64)
        self._used = 0
        self._hints = bytearray(_BITS // 8)

    def find(self, text: str, halves: _Halves | None = None) -> int:
        """The number of the entry, -1 where there is none; `halves` where they are known already."""
        bit = hash(text) & (_BITS - 1)
        if not self._hints[bit >> 3] & 1 << (bit & 7):
            return -1
        halves = halves or _packed(text)
        return -1 if halves is None else self._seek(self._slots, *halves)[1]

    def put(self, text: str, halves: _Halves, entry: int) -> None:
        """The entry has this key."""
        if self._used * 5 >= len(self._slots) * 4:
            self._grow()
        slot, _ = self._seek(self._slots, *halves)
        self._used += self._slots[slot] < 0
        self._slots[slot] = entry
        bit = hash(text) & (_BITS - 1)
        self._hints[bit >> 3] |= 1 << (bit & 7)

    def _grow(self) -> None:
        slots = _empty(len(self._slots) * 2)
        for entry in self._slots:
            if entry >= 0:
                slots[self._seek(slots, *self._log.halves(entry, self._offset))[0]] = entry
        self._slots = slots

    def _seek(self, slots: array[int], high: int, low: int) -> tuple[int, int]:
        """(the slot of these numbers or the free one for them, the entry or -1)."""
        pages, width, offset, mask = self._log.pages, self._log.width, self._offset, len(slots) - 1
        slot = hash((high, low)) & mask
        while (entry := slots[slot]) >= 0:
            page, at = pages[entry >> _SHIFT], (entry & _ON_PAGE) * width + offset
            if page[at] == high and page[at + 1] == low:
                return slot, entry
            slot = (slot + 1) & mask
        return slot, -1


def _empty(count: int) -> array[int]:
    return array("i", [-1]) * count


def _packed(text: str) -> _Halves | None:
    """A UUID as AWS writes it, as two numbers; None for everything else, the nil UUID too."""
    if _is_uuid(text) is None:
        return None
    number = int(text.replace("-", ""), 16)
    return (number >> 64, number & _LOW) if number else None


def _text(high: int, low: int) -> str:
    digits = f"{high:016x}{low:016x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
