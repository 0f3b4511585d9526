"""Sets and maps of message ids that stay small: every id of a run is remembered until its end.

That each message is delivered at most once a run cannot be had for less than an id a message. As Python objects one
costs two hundred bytes and more; an id as SQS and Lambda write it is a UUID, which is sixteen bytes and can be read
back. So the sixteen bytes are kept in one bytearray, and found through an index of four-byte numbers: about 25 bytes
for an id of a set, 50 for a pair that is found from both sides and may be marked. Other ids, such as an execution's
ARN, are kept as they are.

Reading needs no lock, as with a dict: an entry is written whole before the index names it, and an index that has
become too small is replaced, never changed under a reader.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Iterable, Iterator, Mapping, MutableSet
from typing import Any

WIDTH = 16


class IdSet(MutableSet[str]):
    """Ids, in the order in which they came."""

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self._log = bytearray()
        self._index = _Index(self._log, WIDTH, 0)
        self._odd: dict[str, None] = {}
        self._lock = threading.Lock()
        self.update(ids)

    def update(self, ids: Iterable[str]) -> None:
        """Add them all."""
        for each in ids:
            self.add(each)

    def add(self, value: str) -> None:
        """Add one."""
        key = _packed(value)
        with self._lock:
            if key is None:
                self._odd[value] = None
            elif self._index.find(key) < 0:
                self._log += key
                self._index.add(key)

    def discard(self, value: str) -> None:
        """Nothing is taken out of the log of a run."""
        raise TypeError("ids are not forgotten")

    def __contains__(self, value: object) -> bool:
        key = _packed(value) if isinstance(value, str) else None
        return value in self._odd if key is None else self._index.find(key) >= 0

    def __len__(self) -> int:
        return len(self._log) // WIDTH + len(self._odd)

    def __iter__(self) -> Iterator[str]:
        for at in range(0, len(self._log), WIDTH):
            yield _text(self._log[at : at + WIDTH])
        yield from list(self._odd)

    @classmethod
    def _from_iterable(cls, it: Iterable[Any]) -> set[Any]:
        """What comes of `&` and `-` is a plain set."""
        return set(it)


class IdMap(Mapping[str, "str | None"]):
    """Id to the id it became, or None; `origins` is the way back."""

    def __init__(self) -> None:
        self._log = bytearray()
        self._keys = _Index(self._log, 2 * WIDTH, 0)
        self._values = _Index(self._log, 2 * WIDTH, WIDTH)
        self._odd: dict[str, str | None] = {}
        """Pairs of which one is no UUID."""
        self._odd_origins: dict[str, str] = {}
        self._marks = bytearray()
        self._lock = threading.Lock()

    def update(self, ids: Mapping[str, str | None]) -> None:
        """Take in pairs; a key that is there gets the new value."""
        for key, value in ids.items():
            with self._lock:
                self._set(key, value)

    def _set(self, key: str, value: str | None) -> None:
        packed_key, packed = _packed(key), _NONE if value is None else _packed(value)
        at = -1 if packed_key is None else self._keys.find(packed_key)
        if packed_key is None or packed is None:
            self._odd[key] = value
            if value is not None:
                self._odd_origins[value] = key
            return
        self._odd.pop(key, None)
        if at < 0:
            at = len(self._log) // (2 * WIDTH)
            self._log += packed_key + packed
            self._marks.append(0)
            self._keys.add(packed_key)
        else:
            start = at * 2 * WIDTH + WIDTH
            self._log[start : start + WIDTH] = packed
        if value is not None:
            self._values.put(packed, at)

    def mark(self, key: str) -> bool:
        """Mark a key; answers whether there is a place for it."""
        packed = _packed(key)
        with self._lock:
            at = -1 if packed is None else self._keys.find(packed)
            if at >= 0:
                self._marks[at] = 1
        return at >= 0

    def is_marked(self, key: str) -> bool:
        """Was the key marked?"""
        packed = _packed(key)
        at = -1 if packed is None else self._keys.find(packed)
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
        packed = _packed(value)
        at = -1 if packed is None else self._values.find(packed)
        return self._odd_origins.get(value) if at < 0 else self._key(at)

    @property
    def origins(self) -> Mapping[str, str]:
        """New id to the id it was made from."""
        return _Origins(self)

    def __getitem__(self, key: str) -> str | None:
        if key in self._odd:
            return self._odd[key]
        packed = _packed(key)
        at = -1 if packed is None else self._keys.find(packed)
        if at < 0:
            raise KeyError(key)
        value = bytes(self._log[at * 2 * WIDTH + WIDTH : (at + 1) * 2 * WIDTH])
        return None if value == _NONE else _text(value)

    def __len__(self) -> int:
        return sum(1 for _ in self._odd_only()) + len(self._log) // (2 * WIDTH)

    def __iter__(self) -> Iterator[str]:
        for at in range(len(self._log) // (2 * WIDTH)):
            yield self._key(at)
        yield from self._odd_only()

    def _odd_only(self) -> Iterator[str]:
        return (key for key in list(self._odd) if (packed := _packed(key)) is None or self._keys.find(packed) < 0)

    def _key(self, at: int) -> str:
        return _text(self._log[at * 2 * WIDTH : at * 2 * WIDTH + WIDTH])


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
    """Where in a log of entries `width` bytes wide an entry lies that has these sixteen bytes at `offset`."""

    def __init__(self, log: bytearray, width: int, offset: int) -> None:
        self._log, self._width, self._offset = log, width, offset
        self._slots = _empty(64)
        self._used = 0

    def find(self, key: bytes) -> int:
        """The number of the entry, -1 where there is none."""
        return self._seek(self._slots, key)[1]

    def add(self, key: bytes) -> None:
        """The last entry of the log has this key."""
        self.put(key, len(self._log) // self._width - 1)

    def put(self, key: bytes, entry: int) -> None:
        """The entry has this key."""
        if self._used * 5 >= len(self._slots) * 4:
            self._grow()
        slot, _ = self._seek(self._slots, key)
        self._used += self._slots[slot] < 0
        self._slots[slot] = entry

    def _grow(self) -> None:
        slots = _empty(len(self._slots) * 2)
        for entry in self._slots:
            if entry >= 0:
                slots[self._seek(slots, self._at(entry))[0]] = entry
        self._slots = slots

    def _seek(self, slots: array[int], key: bytes) -> tuple[int, int]:
        mask = len(slots) - 1
        slot = hash(key) & mask
        while (entry := slots[slot]) >= 0:
            if self._at(entry) == key:
                return slot, entry
            slot = (slot + 1) & mask
        return slot, -1

    def _at(self, entry: int) -> bytes:
        start = entry * self._width + self._offset
        return bytes(self._log[start : start + WIDTH])


_NONE = bytes(WIDTH)


def _empty(count: int) -> array[int]:
    return array("i", [-1]) * count


def _packed(text: str) -> bytes | None:
    """The sixteen bytes of a UUID as AWS writes it; None for everything else, the nil UUID too."""
    if len(text) != 36:
        return None
    try:
        packed = bytes.fromhex(text.replace("-", ""))
    except ValueError:
        return None
    return packed if len(packed) == WIDTH and packed != _NONE and _text(packed) == text else None


def _text(packed: bytes | bytearray) -> str:
    digits = packed.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
