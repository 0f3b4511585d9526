"""A user pool that really verifies: SRP proofs, secret hashes, codes, refresh tokens with and without rotation.

The SRP half is written apart from `orderctl.auth.srp` and in another way, so that one mistake does not hide in
both: the prime comes from its definition with pi (RFC 3526), integers are padded as hexadecimal text, and only
a verifier is kept, never the password. `call` speaks the service's JSON; `CognitoProvider` is the port over it, and
`reply` answers HTTP for tests of the real adapter.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from orderctl.auth.models import Challenge, Step, Tokens
from orderctl.clock import Clock
from orderctl.errors import AuthError
from tests.fakes.http import Reply, Request

POOL_ID = "eu-west-1_Kq7pT2xYz"
CLIENT_ID = "4h1example7client0id9"
ISSUER = f"https://cognito-idp.eu-west-1.amazonaws.com/{POOL_ID}"
ENDPOINT = "https://cognito-idp.eu-west-1.amazonaws.com"


class CognitoFault(Exception):
    """An error answer: AWS's code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


@dataclass
class PoolUser:
    """A user as the pool knows it, and the challenges that follow a right password."""

    name: str
    salt: str
    verifier: int
    password_digest: bytes
    challenges: list[tuple[str, dict[str, str], dict[str, str]]] = field(default_factory=list)
    """Name, parameters, and the answers that are right."""


@dataclass
class Exchange:
    """One sign-in on its way."""

    user: PoolUser
    client_public: int = 0
    private: int = 0
    public: int = 0
    step: int = 0


class FakeCognito:
    """One user pool with one app client."""

    def __init__(self, clock: Clock, *, client_secret: str | None = None, rotation: bool = False) -> None:
        self.clock = clock
        self.client_secret = client_secret
        self.rotation = rotation
        self.token_seconds = 3600
        self.device_key: str | None = None
        """Where the pool tracks devices: the key of this one, without which no refresh token is taken."""
        self.knows_get_tokens = True
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.spent: set[str] = set()
        self.live: dict[str, str] = {}
        self._users: dict[str, PoolUser] = {}
        self._aliases: dict[str, str] = {}
        self._exchanges: dict[str, Exchange] = {}
        self._lock = threading.Lock()

    def add_user(self, name: str, password: str, *, alias: str | None = None) -> PoolUser:
        """A confirmed user; only salt, verifier and a digest are kept."""
        salt = secrets.token_hex(16)
        x = _sha(_hex_pad(int(salt, 16)), hashlib.sha256(f"{_pool_name()}{name}:{password}".encode()).hexdigest())
        user = PoolUser(name, salt, pow(2, int(x, 16), PRIME), hashlib.sha256(password.encode()).digest())
        self._users[name] = user
        if alias:
            self._aliases[alias] = name
        return user

    def call(self, operation: str, payload: dict[str, Any]) -> dict[str, Any]:
        """One call of the API; raises CognitoFault."""
        with self._lock:
            self.calls.append((operation, payload))
            if payload.get("ClientId") != CLIENT_ID:
                raise CognitoFault(
                    "ResourceNotFoundException", f"User pool client {payload.get('ClientId')} does not exist."
                )
            match operation:
                case "InitiateAuth":
                    return self._initiate(payload["AuthFlow"], payload["AuthParameters"])
                case "RespondToAuthChallenge":
                    return self._respond(payload)
                case "GetTokensFromRefreshToken" if self.knows_get_tokens:
                    self._check_secret(payload.get("ClientSecret"))
                    return self._refresh(payload["RefreshToken"], payload.get("DeviceKey"))
                case "RevokeToken":
                    self.live.pop(payload["Token"], None)
                    return {}
            raise CognitoFault("UnknownOperationException", "")

    def reply(self, request: Request) -> Reply:
        """The same over HTTP, as `x-amz-json-1.1`."""
        operation = request.headers["x-amz-target"].split(".")[-1]
        try:
            return Reply(200, json.dumps(self.call(operation, json.loads(request.body))))
        except CognitoFault as fault:
            return Reply(400, json.dumps({"__type": fault.code, "message": fault.message}))

    def _initiate(self, flow: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        if flow == "REFRESH_TOKEN_AUTH":
            if self.rotation:
                raise CognitoFault("InvalidParameterException", "REFRESH_TOKEN_AUTH is not enabled: rotation is on.")
            owner = self.live.get(parameters["REFRESH_TOKEN"], "")
            self._check_hash(owner, parameters)
            return self._refresh(parameters["REFRESH_TOKEN"], parameters.get("DEVICE_KEY"))
        typed = parameters["USERNAME"]
        self._check_hash(typed, parameters)
        user = self._users.get(self._aliases.get(typed, typed))
        if user is None:
            raise CognitoFault("UserNotFoundException", "User does not exist.")
        if flow == "USER_PASSWORD_AUTH":
            if hashlib.sha256(parameters["PASSWORD"].encode()).digest() != user.password_digest:
                raise CognitoFault("NotAuthorizedException", "Incorrect username or password.")
            return self._next(Exchange(user))
        if flow != "USER_SRP_AUTH":
            raise CognitoFault("InvalidParameterException", f"{flow} is not enabled for the client.")
        return self._begin_srp(user, int(parameters["SRP_A"], 16))

    def _begin_srp(self, user: PoolUser, client_public: int) -> dict[str, Any]:
        if client_public % PRIME == 0:
            raise CognitoFault("InvalidParameterException", "SRP_A cannot be zero")
        private = secrets.randbits(256)
        multiplier = int(_sha(_hex_pad(PRIME), _hex_pad(2)), 16)
        public = (multiplier * user.verifier + pow(2, private, PRIME)) % PRIME
        block = base64.b64encode(secrets.token_bytes(48)).decode()
        self._exchanges[block] = Exchange(user, client_public, private, public)
        parameters = {
            "SALT": user.salt,
            "SECRET_BLOCK": block,
            "SRP_B": format(public, "x"),
            "USERNAME": user.name,
            "USER_ID_FOR_SRP": user.name,
        }
        return {"ChallengeName": "PASSWORD_VERIFIER", "ChallengeParameters": parameters}

    def _respond(self, payload: dict[str, Any]) -> dict[str, Any]:
        responses = payload["ChallengeResponses"]
        self._check_hash(responses["USERNAME"], responses)
        if payload["ChallengeName"] == "PASSWORD_VERIFIER":
            exchange = self._exchanges.pop(responses["PASSWORD_CLAIM_SECRET_BLOCK"], None)
            if exchange is None or not _proves(exchange, responses):
                raise CognitoFault("NotAuthorizedException", "Incorrect username or password.")
            return self._next(exchange)
        exchange = self._exchanges.pop(payload.get("Session", ""), None)
        if exchange is None or responses["USERNAME"] != exchange.user.name:
            raise CognitoFault("NotAuthorizedException", "Invalid session for the user.")
        name, _, right = exchange.user.challenges[exchange.step]
        if payload["ChallengeName"] != name or any(responses.get(key) != value for key, value in right.items()):
            raise CognitoFault("CodeMismatchException", "Invalid code received for user")
        exchange.step += 1
        return self._next(exchange)

    def _next(self, exchange: Exchange) -> dict[str, Any]:
        if exchange.step >= len(exchange.user.challenges):
            result = self._result(exchange.user.name, new_refresh=True)
            if self.device_key is not None:
                result["NewDeviceMetadata"] = {"DeviceKey": self.device_key, "DeviceGroupKey": "-group"}
            return {"AuthenticationResult": result}
        name, parameters, _ = exchange.user.challenges[exchange.step]
        session = secrets.token_urlsafe(24)
        self._exchanges[session] = exchange
        return {"ChallengeName": name, "Session": session, "ChallengeParameters": parameters}

    def _refresh(self, token: str, device_key: str | None) -> dict[str, Any]:
        if device_key != self.device_key:
            raise CognitoFault("NotAuthorizedException", "Invalid Refresh Token")
        if token in self.spent:
            raise CognitoFault("RefreshTokenReuseException", "Refresh token has been reused")
        owner = self.live.get(token)
        if owner is None:
            raise CognitoFault("NotAuthorizedException", "Refresh Token has expired")
        if self.rotation:
            del self.live[token]
            self.spent.add(token)
        return {"AuthenticationResult": self._result(owner, new_refresh=self.rotation)}

    def _result(self, name: str, *, new_refresh: bool) -> dict[str, Any]:
        result: dict[str, Any] = {
            "AccessToken": token(self.clock, name, "access", self.token_seconds),
            "IdToken": token(self.clock, name, "id", self.token_seconds),
            "ExpiresIn": self.token_seconds,
            "TokenType": "Bearer",
        }
        if new_refresh:
            result["RefreshToken"] = f"refresh-{secrets.token_hex(16)}"
            self.live[result["RefreshToken"]] = name
        return result

    def _check_hash(self, username: str, parameters: Mapping[str, str]) -> None:
        if self.client_secret is None:
            return
        message = (username + CLIENT_ID).encode()
        right = base64.b64encode(hmac.new(self.client_secret.encode(), message, hashlib.sha256).digest()).decode()
        if parameters.get("SECRET_HASH") != right:
            raise CognitoFault("NotAuthorizedException", f"Unable to verify secret hash for client {CLIENT_ID}")

    def _check_secret(self, given: str | None) -> None:
        if given != self.client_secret:
            raise CognitoFault("NotAuthorizedException", f"Unable to verify secret for client {CLIENT_ID}")


class CognitoProvider:
    """The `IdentityProvider` port straight over a FakeCognito."""

    def __init__(self, pool: FakeCognito, endpoint: str = ENDPOINT) -> None:
        self.pool = pool
        self.endpoint = endpoint

    def start(self, flow: str, parameters: Mapping[str, str]) -> Step:
        return self._call("InitiateAuth", AuthFlow=flow, AuthParameters=dict(parameters))

    def answer(self, challenge: str, session: str | None, responses: Mapping[str, str]) -> Step:
        extra = {} if session is None else {"Session": session}
        return self._call(
            "RespondToAuthChallenge", ChallengeName=challenge, ChallengeResponses=dict(responses), **extra
        )

    def refresh(
        self, refresh_token: str, client_secret: str | None, secret_hash: str | None, device_key: str | None = None
    ) -> Tokens:
        extra = {} if client_secret is None else {"ClientSecret": client_secret}
        extra |= {} if device_key is None else {"DeviceKey": device_key}
        step = self._call("GetTokensFromRefreshToken", RefreshToken=refresh_token, **extra)
        assert isinstance(step, Tokens)
        return step

    def revoke(self, refresh_token: str, client_secret: str | None) -> None:
        self.pool.call("RevokeToken", {"ClientId": CLIENT_ID, "Token": refresh_token})

    def _call(self, operation: str, **payload: Any) -> Step:
        try:
            answer = self.pool.call(operation, {"ClientId": CLIENT_ID, **payload})
        except CognitoFault as fault:
            raise AuthError(f"{fault.code}: {fault.message}") from fault
        if "ChallengeName" in answer:
            return Challenge(answer["ChallengeName"], answer["ChallengeParameters"], answer.get("Session"))
        result = answer["AuthenticationResult"]
        device = result.get("NewDeviceMetadata", {}).get("DeviceKey")
        return Tokens(result["AccessToken"], result["IdToken"], result.get("RefreshToken"), result["ExpiresIn"], device)


def token(
    clock: Clock, name: str, use: str, seconds: float, *, issuer: str = ISSUER, client_id: str = CLIENT_ID
) -> str:
    """A JWT with the claims Cognito writes; its signature is nonsense."""
    now = clock.now()
    claims: dict[str, object] = {
        "iss": issuer,
        "token_use": use,
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(seconds=seconds)).timestamp()),
        "jti": secrets.token_hex(8),
    }
    claims |= (
        {"aud": client_id, "cognito:username": name} if use == "id" else {"client_id": client_id, "username": name}
    )
    parts = [json.dumps({"alg": "RS256"}), json.dumps(claims), "signature"]
    return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)


def _proves(exchange: Exchange, responses: Mapping[str, str]) -> bool:
    scrambler = _sha(_hex_pad(exchange.client_public), _hex_pad(exchange.public))
    shared = pow(
        exchange.client_public * pow(exchange.user.verifier, int(scrambler, 16), PRIME), exchange.private, PRIME
    )
    extracted = hmac.new(
        bytes.fromhex(_hex_pad(int(scrambler, 16))), bytes.fromhex(_hex_pad(shared)), hashlib.sha256
    ).digest()
    key = hmac.new(extracted, b"Caldera Derived Key" + bytes([1]), hashlib.sha256).digest()[:16]
    signed = hmac.new(key, digestmod=hashlib.sha256)
    for part in (
        _pool_name().encode(),
        exchange.user.name.encode(),
        base64.b64decode(responses["PASSWORD_CLAIM_SECRET_BLOCK"]),
        responses["TIMESTAMP"].encode(),
    ):
        signed.update(part)
    return hmac.compare_digest(base64.b64encode(signed.digest()).decode(), responses["PASSWORD_CLAIM_SIGNATURE"])


def _pool_name() -> str:
    return POOL_ID.split("_")[1]


def _hex_pad(number: int) -> str:
    """Hexadecimal with an even number of digits, `00` in front when the first digit is 8 or more."""
    digits = format(number, "x")
    digits = "0" + digits if len(digits) % 2 else digits
    return "00" + digits if digits[0] in "89abcdef" else digits


def _sha(*hexadecimal: str) -> str:
    return hashlib.sha256(bytes.fromhex("".join(hexadecimal))).hexdigest()


def _pi_times_two_to_the(bits: int) -> int:
    """floor(pi * 2**bits) by Machin's formula, with 64 bits to spare."""
    one = 1 << (bits + 64)

    def arctan_of_inverse(x: int) -> int:
        total = term = one // x
        n, sign = 3, -1
        while term:
            term //= x * x
            total += sign * (term // n)
            n, sign = n + 2, -sign
        return total

    return (4 * (4 * arctan_of_inverse(5) - arctan_of_inverse(239))) >> 64


PRIME = 2**3072 - 2**3008 - 1 + 2**64 * (_pi_times_two_to_the(2942) + 1690314)
"""RFC 3526, section 5: 2^3072 - 2^3008 - 1 + 2^64 * ([2^2942 pi] + 1690314)."""
