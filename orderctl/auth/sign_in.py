"""Signing in to a user pool: a small state machine over Cognito's challenges.

`start` gives either tokens or a challenge; each challenge is answered from the password, or from the person,
until tokens come. SRP is the rule, because the password then never travels; USER_PASSWORD_AUTH is used only
where the environment or the command asks for it by name. A challenge this program cannot answer ends the
sign-in cleanly and by its name: MFA_SETUP, CUSTOM_CHALLENGE and the device challenges are among them.
"""

from __future__ import annotations

from collections.abc import Mapping

from orderctl.auth import srp
from orderctl.auth.challenges import ASKED, answer_asked
from orderctl.auth.models import Challenge, Flow, SignInSettings, Step, Tokens
from orderctl.auth.ports import IdentityProvider, Prompter
from orderctl.auth.secret_hash import secret_hash
from orderctl.clock import Clock
from orderctl.errors import AuthError, UsageError

MAX_STEPS = 8
"""A sign-in of more answers than this is going in circles; the longest real one has four."""


class SignIn:
    """One attempt to sign in. Not to be used twice."""

    def __init__(self, provider: IdentityProvider, settings: SignInSettings, prompter: Prompter, clock: Clock) -> None:
        self._provider = provider
        self._settings = settings
        self._prompter = prompter
        self._clock = clock
        self._username = ""

    def run(self, username: str, password: str) -> Tokens:
        """Sign in; raises AuthError when refused, RefusedError when a person is needed and none is there."""
        self._username = username
        if not password:
            raise UsageError("the password is empty", hint="type it, or give --password-stdin or --password-file")
        match self._settings.flow:
            case Flow.SRP:
                return self._run_srp(password)
            case Flow.PASSWORD:
                return self._finish(self._start("USER_PASSWORD_AUTH", {"PASSWORD": password}))
            case other:
                raise UsageError(f"flow {other.value!r} takes no user name and password")

    def _run_srp(self, password: str) -> Tokens:
        pool_id = self._settings.user_pool_id
        if pool_id is None:
            raise UsageError(
                "signing in with SRP needs the user pool's id",
                hint="orderctl config set resources.user_pool_id POOL_ID, or name the stack it is in",
            )
        pair = srp.new_key_pair()
        step = self._start("USER_SRP_AUTH", {"SRP_A": pair.srp_a})
        if isinstance(step, Challenge) and step.name == "PASSWORD_VERIFIER":
            step = self._reply(step, self._claim(pair, step, pool_id, password))
        return self._finish(step)

    def _claim(self, pair: srp.KeyPair, challenge: Challenge, pool_id: str, password: str) -> dict[str, str]:
        try:
            server = srp.ServerHalf(
                user_id=challenge.parameters["USER_ID_FOR_SRP"],
                salt=challenge.parameters["SALT"],
                srp_b=challenge.parameters["SRP_B"],
                secret_block=challenge.parameters["SECRET_BLOCK"],
            )
            stamp = srp.timestamp(self._clock.now())
            signature = srp.password_claim(pair, server, pool_id, password, stamp)
        except (KeyError, ValueError, OverflowError):
            raise AuthError("the sign-in service sent an SRP challenge that cannot be read") from None
        return {
            "PASSWORD_CLAIM_SECRET_BLOCK": server.secret_block,
            "PASSWORD_CLAIM_SIGNATURE": signature,
            "TIMESTAMP": stamp,
        }

    def _finish(self, step: Step) -> Tokens:
        for _ in range(MAX_STEPS):
            if isinstance(step, Tokens):
                return step
            if step.name not in ASKED:
                raise unanswerable(step.name)
            step = self._reply(step, answer_asked(step, self._prompter))
        raise AuthError(f"the sign-in did not end after {MAX_STEPS} challenges", hint="orderctl auth login")

    def _start(self, flow: str, parameters: Mapping[str, str]) -> Step:
        return self._provider.start(flow, {"USERNAME": self._username, **self._hash(), **parameters})

    def _reply(self, challenge: Challenge, responses: Mapping[str, str]) -> Step:
        """Answer as the user Cognito knows: after an alias (an email address) that is USER_ID_FOR_SRP."""
        self._username = challenge.parameters.get("USER_ID_FOR_SRP") or self._username
        named = {"USERNAME": self._username, **self._hash(), **responses}
        return self._provider.answer(challenge.name, challenge.session, named)

    def _hash(self) -> dict[str, str]:
        secret = self._settings.client_secret
        if secret is None:
            return {}
        return {"SECRET_HASH": secret_hash(self._username, self._settings.client_id, secret)}


def unanswerable(challenge: str) -> AuthError:
    """The clean end of a sign-in that wants something this program cannot do."""
    return AuthError(
        f"the user pool asks for {challenge}, which orderctl cannot answer",
        hint="finish it once in the application or the hosted sign-in page, or use another user or auth.flow",
    )
