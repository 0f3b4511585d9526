"""Cognito's Secure Remote Password: prove the password without sending it.

SRP-6a (RFC 5054) over the 3072-bit group of RFC 3526 with generator 2 and SHA-256, in the dialect the service
speaks: integers are hashed as two's-complement bytes (a zero byte in front when the top bit is set) instead of
being padded to the length of the prime, and the session key is drawn from `S` and `u` by HKDF with the label
`Caldera Derived Key`, 16 bytes. Forty lines of the standard library, because the packages that do this are
unmaintained and slow to import; the tests check it against an independently written server.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime

from orderctl.errors import AuthError

PRIME = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F"
    "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510"
    "15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7"
    "ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C"
    "BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF",
    16,
)
GENERATOR = 2
PRIVATE_BITS = 512
"""RFC 5054 asks for 256 at least; the group itself is worth about 128, so more bits only take longer."""
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class KeyPair:
    """The client's half of one exchange: `public` is sent as SRP_A, `private` never leaves."""

    private: int = field(repr=False)
    public: int

    @property
    def srp_a(self) -> str:
        """The public half as Cognito takes it: hexadecimal."""
        return format(self.public, "x")


def new_key_pair() -> KeyPair:
    """A fresh random pair for one sign-in."""
    private = secrets.randbits(PRIVATE_BITS) | 1 << (PRIVATE_BITS - 1)
    return KeyPair(private, pow(GENERATOR, private, PRIME))


@dataclass(frozen=True, slots=True)
class ServerHalf:
    """What PASSWORD_VERIFIER brings: the real user name, the salt, SRP_B and the block to sign."""

    user_id: str
    salt: str
    srp_b: str
    secret_block: str = field(repr=False)


def password_claim(pair: KeyPair, server: ServerHalf, pool_id: str, password: str, stamp: str) -> str:
    """The PASSWORD_CLAIM_SIGNATURE, Base64; raises AuthError when the server's half cannot be right."""
    pool_name = pool_id.split("_", 1)[-1]
    key = _session_key(pair, server, pool_name, password)
    message = f"{pool_name}{server.user_id}".encode() + base64.b64decode(server.secret_block) + stamp.encode()
    return base64.b64encode(hmac.digest(key, message, "sha256")).decode()


def timestamp(now: datetime) -> str:
    """`EEE MMM d HH:mm:ss UTC yyyy` in English whatever the locale: `Sun Nov 2 03:04:05 UTC 2026`."""
    return f"{_WEEKDAYS[now.weekday()]} {_MONTHS[now.month - 1]} {now.day} {now:%H:%M:%S} UTC {now.year}"


def _session_key(pair: KeyPair, server: ServerHalf, pool_name: str, password: str) -> bytes:
    public = int(server.srp_b, 16)
    scrambler = _hash(_padded(pair.public), _padded(public))
    if public % PRIME == 0 or scrambler == 0:  # RFC 5054 2.5.3: such a server would learn or fake the key
        raise AuthError("the sign-in service sent an unusable SRP value", hint="try again; check the endpoint")
    identity = hashlib.sha256(f"{pool_name}{server.user_id}:{password}".encode()).digest()
    x = _hash(_padded(int(server.salt, 16)), identity)
    multiplier = _hash(_padded(PRIME), _padded(GENERATOR))
    base = (public - multiplier * pow(GENERATOR, x, PRIME)) % PRIME
    shared = pow(base, pair.private + scrambler * x, PRIME)
    pseudo_random = hmac.digest(_padded(scrambler), _padded(shared), "sha256")
    return hmac.digest(pseudo_random, b"Caldera Derived Key\x01", "sha256")[:16]


def _padded(number: int) -> bytes:
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def _hash(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha256(b"".join(parts)).digest(), "big")
