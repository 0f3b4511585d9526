"""What the embedded emulator (ministack 1.5) needs besides the template, and nothing AWS would need.

Most differences are parameters the template knows (`parameters`). Four things the emulator takes from
CloudFormation and then does not do, or does not take at all; they are made by API after the deployment
(`apply`): the REST API's body validation, the HTTP API's CORS answer, ProcessOrder's dead-letter queue, and the
bus's archive. And because its transform sees no parameter values, it never publishes a second version of
UsersApi: its alias follows $LATEST instead. Each constant here repeats a part of the template, because that is
YAML and orderctl reads none; a test holds them equal.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from orderctl.stack.models import Cors as Cors

CREATE_USER_SCHEMA: Mapping[str, object] = {
    "type": "object",
    "required": ["user_id", "email", "name"],
    "additionalProperties": False,
    "properties": {
        "user_id": {"type": "string", "pattern": "^[0-9A-Za-z_-]{1,80}$"},
        "email": {"type": "string", "pattern": "^[^@\\s]{1,64}@[^@\\s]{1,190}$"},
        "name": {"type": "string", "minLength": 1, "maxLength": 200},
    },
}
ARCHIVE_PATTERN: Mapping[str, object] = {"source": ["orders.api"]}
ARCHIVE_RETENTION_DAYS = 30


class OverlayApis(Protocol):
    """The emulator's own APIs, as far as the overlay needs them. Every call is safe to repeat."""

    def validate_body(self, rest_api_id: str, path: str, method: str, schema: str) -> None:
        """Have the method refuse, with 400, a body the JSON schema does not allow."""

    def allow_origins(self, http_api_id: str, cors: Cors) -> None:
        """Have the API answer preflight requests so."""

    def ensure_archive(self, name: str, bus_arn: str, pattern: str, retention_days: int) -> None:
        """Archive the bus's events that match the pattern; one that is there already is fine."""

    def follow_latest(self, function: str, alias: str) -> None:
        """Point the function's alias at $LATEST."""

    def set_dead_letter_queue(self, function: str, queue_url: str) -> None:
        """Name the queue as the function's own dead-letter queue."""


def parameters(endpoint: str) -> dict[str, str]:
    """The template's parameters for the emulator at `endpoint` (`http://127.0.0.1:PORT`)."""
    return {"Local": "true", "LocalEndpoint": endpoint.rstrip("/"), "AllowFaultInjection": "true"}


SOURCES = (Path(__file__), Path(__file__).parents[1] / "aws" / "overlay.py")
"""The steps, and how each of them is done."""


def digest(sources: Sequence[Path] = SOURCES) -> str:
    """Hash of the overlay's own code: what `apply` does changes with nothing else."""
    return hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()


def apply(apis: OverlayApis, outputs: Mapping[str, str]) -> Iterator[str]:
    """Make what the template could not, from the deployed stack's outputs; says each step once it is done."""
    apis.validate_body(outputs["UsersApiId"], "/users", "POST", json.dumps(CREATE_USER_SCHEMA))
    yield "body validation of POST /users"
    apis.allow_origins(outputs["OrdersApiId"], Cors())
    yield "CORS of the Orders API"
    apis.follow_latest(outputs["UsersFunctionName"], "live")
    yield "alias live of the Users API"
    apis.set_dead_letter_queue(outputs["ProcessOrderFunctionName"], outputs["ProcessOrderDlqUrl"])
    yield "dead-letter queue of ProcessOrder"
    pattern = json.dumps(ARCHIVE_PATTERN)
    apis.ensure_archive(outputs["EventArchiveName"], outputs["EventBusArn"], pattern, ARCHIVE_RETENTION_DAYS)
    yield f"event archive {outputs['EventArchiveName']}"
