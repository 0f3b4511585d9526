from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from orderctl.auth import srp
from orderctl.auth.models import Tokens
from orderctl.auth.prompter import NoTerminal
from orderctl.auth.secret_hash import secret_hash
from orderctl.auth.sign_in import SignIn
from orderctl.errors import AuthError
from tests.auth.helpers import settings
from tests.fakes import cognito
from tests.fakes.clock import FakeClock
from tests.fakes.cognito import CognitoProvider, FakeCognito

_CHARACTERS = "abcXYZ019 !§äß漢🙂:%\"'\\"


def test_the_prime_is_the_one_rfc_3526_defines_with_pi() -> None:
    assert srp.PRIME == cognito.PRIME
    assert srp.PRIME.bit_length() == 3072
    assert pow(2, srp.PRIME - 1, srp.PRIME) == 1


def test_200_random_users_sign_in_and_no_wrong_password_does() -> None:
    clock = FakeClock()
    pool = FakeCognito(clock)
    chance = random.Random(20261122)
    right = refused = 0
    for number in range(200):
        clock.advance(chance.randrange(86400))
        name = f"user-{number}"
        password = "".join(chance.choices(_CHARACTERS, k=chance.randrange(6, 40)))
        pool.add_user(name, password)
        attempt = SignIn(CognitoProvider(pool), settings(), NoTerminal(), clock)
        right += isinstance(attempt.run(name, password), Tokens)
        with pytest.raises(AuthError):
            SignIn(CognitoProvider(pool), settings(), NoTerminal(), clock).run(name, _nearly(password, chance))
        refused += 1
    assert (right, refused) == (200, 200)


def test_the_password_is_in_nothing_that_is_sent() -> None:
    clock = FakeClock()
    pool = FakeCognito(clock)
    pool.add_user("ada", "canary-password")
    SignIn(CognitoProvider(pool), settings(), NoTerminal(), clock).run("ada", "canary-password")
    assert "canary-password" not in repr(pool.calls)


@pytest.mark.parametrize("srp_b", [0, srp.PRIME, 2 * srp.PRIME])
def test_a_server_half_that_would_give_the_key_away_is_refused(srp_b: int) -> None:
    server = srp.ServerHalf("ada", "ab", format(srp_b, "x"), "AAAA")
    with pytest.raises(AuthError, match="unusable SRP value"):
        srp.password_claim(srp.new_key_pair(), server, "eu-west-1_x", "secret", "now")


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 11, 2, 3, 4, 5, tzinfo=UTC), "Mon Nov 2 03:04:05 UTC 2026"),
        (datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC), "Sun Jan 31 23:59:59 UTC 2027"),
    ],
)
def test_the_timestamp_is_english_and_its_day_has_no_zero_in_front(moment: datetime, text: str) -> None:
    assert srp.timestamp(moment) == text


def test_a_key_pair_does_not_show_its_private_half() -> None:
    pair = srp.new_key_pair()
    assert str(pair.private) not in repr(pair)


def test_the_secret_hash_is_the_one_openssl_computes() -> None:
    # openssl: printf %s usernameclientid | openssl dgst -sha256 -hmac secret -binary | base64
    assert secret_hash("username", "clientid", "secret") == "nHX60UMb/IiDNDmIUm5R+B7D6ufsjd4QNse0tO7D9w8="


def _nearly(password: str, chance: random.Random) -> str:
    """A wrong password that differs in one character, or by one more."""
    place = chance.randrange(len(password))
    changed = password[:place] + ("z" if password[place] != "z" else "y") + password[place + 1 :]
    return chance.choice([changed, password + "x", password[:-1] + ("q" if password[-1] != "q" else "w")])
