"""SECRET_HASH: how an app client with a secret shows that it knows it."""

from __future__ import annotations

import base64
import hmac


def secret_hash(username: str, client_id: str, client_secret: str) -> str:
    """Base64(HMAC-SHA256(secret, user name + client id)); the real user name, not the alias, after SRP."""
    return base64.b64encode(hmac.digest(client_secret.encode(), f"{username}{client_id}".encode(), "sha256")).decode()
