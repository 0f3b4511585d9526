"""The demo user, put straight into the emulator's pool.

This speaks Cognito's JSON to the loopback server by hand: two calls of two fields each, to a server that
checks no signature and is only ever on 127.0.0.1. It cannot reach AWS, whatever the credentials around it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from orderctl.errors import FailedError
from orderctl.local.ministack import HOST

TIMEOUT = 10.0
"""Seconds for one call."""


class LocalUserPool:
    """`orderctl.local.ports.UserPool` on the server at `port`."""

    def __init__(self, port: int, region: str) -> None:
        self._port = port
        self._region = region

    def ensure_user(self, pool_id: str, username: str, password: str, attributes: Mapping[str, str]) -> None:
        """Make the user if missing and give it this password for good; raises FailedError."""
        who = {"UserPoolId": pool_id, "Username": username}
        listed = [{"Name": name, "Value": value} for name, value in attributes.items()]
        self._call("AdminCreateUser", who | {"UserAttributes": listed, "MessageAction": "SUPPRESS"}, "UsernameExists")
        self._call("AdminSetUserPassword", who | {"Password": password, "Permanent": True})

    def _call(self, operation: str, said: Mapping[str, object], fine: str = "\0") -> None:
        """One call; an error whose type holds `fine` is none."""
        from http.client import HTTPConnection, HTTPException

        connection = HTTPConnection(HOST, self._port, timeout=TIMEOUT)
        try:
            connection.request("POST", "/", json.dumps(said), self._headers(operation))
            reply = connection.getresponse()
            text = reply.read(1 << 20).decode("utf-8", "replace")
        except (OSError, HTTPException) as error:
            raise FailedError(f"demo user: {operation}: {error}", hint="orderctl local status") from error
        finally:
            connection.close()
        if reply.status != 200 and fine not in text:
            raise FailedError(f"demo user: {operation} answered {reply.status}: {text[:300]}")

    def _headers(self, operation: str) -> dict[str, str]:
        """The credential scope tells the emulator service and Region; nothing is signed."""
        scope = f"local/20000101/{self._region}/cognito-idp/aws4_request"
        return {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"AWSCognitoIdentityProviderService.{operation}",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none",
        }
