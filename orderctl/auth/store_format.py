"""The token file's text: one JSON object, versioned, times as ISO 8601 UTC."""

from __future__ import annotations

import json
from datetime import datetime

from orderctl.auth.models import Binding, Flow, SavedSignIn
from orderctl.errors import AuthError
from orderctl.jsontext import iso

VERSION = 1


def to_bytes(sign_in: SavedSignIn) -> bytes:
    """The file's content."""
    binding = sign_in.binding
    document = {
        "version": VERSION,
        "environment": sign_in.environment,
        "username": sign_in.username,
        "flow": sign_in.flow.value,
        "issuer": binding.issuer,
        "client_id": binding.client_id,
        "sign_in_endpoint": binding.sign_in_endpoint,
        "api_origins": list(binding.api_origins),
        "signed_in_at": iso(sign_in.signed_in_at),
        "expires_at": iso(sign_in.expires_at),
        "access_token": sign_in.access_token,
        "id_token": sign_in.id_token,
        "refresh_token": sign_in.refresh_token,
        "device_key": sign_in.device_key,
    }
    return (json.dumps(document, indent=1) + "\n").encode()


def from_bytes(data: bytes, path: str) -> SavedSignIn:
    """The sign-in a file holds; raises AuthError, without its content, for a damaged or unknown one."""
    try:
        found = json.loads(data)
        if found["version"] != VERSION:
            raise ValueError
        return SavedSignIn(
            environment=found["environment"],
            username=found["username"],
            flow=Flow(found["flow"]),
            binding=Binding(
                found["issuer"], found["client_id"], found["sign_in_endpoint"], tuple(found["api_origins"])
            ),
            signed_in_at=datetime.fromisoformat(found["signed_in_at"]),
            expires_at=datetime.fromisoformat(found["expires_at"]),
            access_token=found["access_token"],
            id_token=found["id_token"],
            refresh_token=found["refresh_token"],
            device_key=found.get("device_key"),
        )
    except (ValueError, KeyError, TypeError):
        raise AuthError(f"{path} is not a sign-in this version can read", hint="orderctl auth login") from None
