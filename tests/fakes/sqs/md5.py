"""The MD5 digests SQS answers with, so that a client that verifies them can be tested.

Attributes are digested in the order of their names, each as length-prefixed name, length-prefixed type, one byte for
the kind of value (1 text, 2 bytes) and the length-prefixed value: "Calculating the MD5 message digest for message
attributes" in the SQS Developer Guide. Lengths are four bytes, big-endian, of the UTF-8 bytes.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from typing import Any


def md5_of_text(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def md5_of_attributes(attributes: Mapping[str, Mapping[str, Any]]) -> str:
    """`attributes` as boto3 writes them: name to {DataType, StringValue | BinaryValue}."""
    digest = hashlib.md5(usedforsecurity=False)
    for name in sorted(attributes):
        value = attributes[name]
        digest.update(_prefixed(name.encode()) + _prefixed(value["DataType"].encode()))
        if value["DataType"].startswith("Binary"):
            digest.update(b"\x02" + _prefixed(value["BinaryValue"]))
        else:
            digest.update(b"\x01" + _prefixed(value["StringValue"].encode()))
    return digest.hexdigest()


def _prefixed(value: bytes) -> bytes:
    return struct.pack("!I", len(value)) + value
