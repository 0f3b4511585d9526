"""botocore's own data, read only where a client needs it.

Making a first client, botocore looks into every one of its 400 service folders to list what there is, and
parses the endpoint table of every service in every Region (1.25 MB). Together that is most of what a client
costs: about 30 of 35 ms. Neither is needed to know one service.

Nothing is copied or known beforehand here, so there is nothing to go stale: the list answers "is there such a
service" by looking into that one folder, and the table finds a service's entry by its place in the file and
parses it when asked. What is found is what botocore would have read. A file that is laid out in any other way,
or that somebody put in front of botocore's own (`AWS_DATA_PATH`, `~/.aws/models`), is read botocore's way.
"""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

_TABLE = "endpoints"
_OPENING = '{\n  "partitions" : [ {\n'
_BETWEEN = "\n  }, {\n"
_SERVICES = '\n    "services" : {'
_SERVICE = '\n      "'
_CLOSING = "\n    }"
_HEADER = {"defaults", "dnsSuffix", "partition", "partitionName", "regionRegex", "regions"}
_parse = json.JSONDecoder(object_pairs_hook=OrderedDict)


def hasten(loader: Any) -> None:
    """Have botocore's data loader read less. What it answers stays the same."""
    stock_list, stock_load = loader.list_available_services, loader.load_data_with_path

    def load_data_with_path(name: str) -> tuple[Any, str]:
        path = os.path.join(loader.BUILTIN_DATA_PATH, _TABLE)
        table = _builtin_table(loader, path) if name == _TABLE else None
        return stock_load(name) if table is None else (table, path)

    loader.list_available_services = lambda type_name: KnownServices(loader, type_name, stock_list)
    loader.load_data_with_path = load_data_with_path


class KnownServices(Collection[str]):
    """The services there is data for; whether one is among them is answered from its own folder."""

    def __init__(self, loader: Any, type_name: str, stock: Callable[[str], list[str]]) -> None:
        self._loader = loader
        self._type_name = type_name
        self._stock = stock

    def __contains__(self, name: object) -> bool:
        from botocore.exceptions import DataNotFoundError

        try:
            return bool(self._loader.list_api_versions(name, self._type_name))
        except DataNotFoundError:
            return False

    def __iter__(self) -> Iterator[str]:
        return iter(self._stock(self._type_name))

    def __len__(self) -> int:
        return len(self._stock(self._type_name))


class ServiceTable(Mapping[str, Any]):
    """The `services` of one partition, each parsed when first asked for."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._parsed: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._parsed:
            key = f'{_SERVICE}{name}" : '
            place = self._text.find(key)
            if place < 0:
                raise KeyError(name)
            self._parsed[name], _ = _parse.raw_decode(self._text, place + len(key))
        return self._parsed[name]

    def __iter__(self) -> Iterator[str]:
        import re

        return iter(re.findall(f'{_SERVICE}([^"]+)" : ', self._text))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def endpoint_table(text: str) -> dict[str, Any] | None:
    """The endpoint table, its services still unread; None where the text is not laid out as expected."""
    if not text.startswith(_OPENING):
        return None
    try:
        return {"partitions": [_partition(part) for part in text[len(_OPENING) :].split(_BETWEEN)]}
    except ValueError:
        return None


def _partition(text: str) -> dict[str, Any]:
    """One partition. Its services stand last in it, each on lines of its own; ValueError if they do not."""
    begin, end = text.index(_SERVICES), text.rindex(_CLOSING)
    header = _parse.decode("{" + text[:begin].removesuffix(",") + "}")
    if set(header) != _HEADER or not text.startswith(_SERVICE, begin + len(_SERVICES)):
        raise ValueError("this partition is laid out in another way")
    return {**header, "services": ServiceTable(text[begin:end])}


def _builtin_table(loader: Any, path: str) -> dict[str, Any] | None:
    """The table that came with botocore, unless another stands in front of it."""
    for folder in loader.search_paths:
        if folder == loader.BUILTIN_DATA_PATH:
            break
        if loader.file_loader.exists(os.path.join(folder, _TABLE)):
            return None
    try:
        with open(f"{path}.json", encoding="utf-8") as file:
            return endpoint_table(file.read())
    except (OSError, ValueError):
        return None
