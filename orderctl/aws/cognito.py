"""Cognito user pools: sign-in, refresh and revocation, all of them calls that need no AWS credentials.

Nothing here is retried by the SDK: a challenge answer and, with rotation, a refresh token are good for one use.
Cognito's sign-in errors get their own words; everything else goes through the common table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from orderctl.auth.models import Challenge, Step, Tokens
from orderctl.aws.errors import aws_call
from orderctl.errors import AuthError, AwsFault, OrderctlError, UsageError

if TYPE_CHECKING:
    from types_boto3_cognito_idp.client import CognitoIdentityProviderClient

_SERVICE = "cognito-idp"
_LOGIN = "orderctl auth login"
_WORDS: Mapping[str, tuple[str, str]] = {
    "UserNotFoundException": ("wrong user name or password", _LOGIN),
    "UserNotConfirmedException": ("the user is not confirmed yet", "confirm the sign-up first, then sign in"),
    "PasswordResetRequiredException": ("the password has to be reset", "use 'forgot password' of the application"),
    "CodeMismatchException": ("the code is wrong", f"{_LOGIN}, with the newest code"),
    "ExpiredCodeException": ("the code has expired", f"{_LOGIN}, with a new code"),
    "RefreshTokenReuseException": ("the refresh token was used before and is spent", _LOGIN),
    "InvalidPasswordException": ("the new password breaks the pool's rules", _LOGIN),
    "ForbiddenException": ("the pool's web firewall refused the request", "sign in from an allowed network"),
}
_NO_ROTATION = frozenset(
    {"UnsupportedOperationException", "InvalidAction", "UnknownOperationException", "InvalidParameterException"}
)
"""What a pool or an emulator says that does not know GetTokensFromRefreshToken."""


class CognitoSignIn:
    """The identity provider of one app client. `client` is made with `attempts=1, unsigned=True`."""

    def __init__(self, client: CognitoIdentityProviderClient, client_id: str) -> None:
        self._client = client
        self._client_id = client_id

    @property
    def endpoint(self) -> str:
        """The address the calls really go to, whatever variable or setting decided it."""
        return self._client.meta.endpoint_url

    def start(self, flow: str, parameters: Mapping[str, str]) -> Step:
        """InitiateAuth."""
        with _signing_in("InitiateAuth"):
            return _step(
                self._client.initiate_auth(
                    ClientId=self._client_id, AuthFlow=cast(Any, flow), AuthParameters=dict(parameters)
                )
            )

    def answer(self, challenge: str, session: str | None, responses: Mapping[str, str]) -> Step:
        """RespondToAuthChallenge."""
        extra: Any = {} if session is None else {"Session": session}
        with _signing_in("RespondToAuthChallenge"):
            return _step(
                self._client.respond_to_auth_challenge(
                    ClientId=self._client_id,
                    ChallengeName=cast(Any, challenge),
                    ChallengeResponses=dict(responses),
                    **extra,
                )
            )

    def refresh(
        self, refresh_token: str, client_secret: str | None, secret_hash: str | None, device_key: str | None = None
    ) -> Tokens:
        """GetTokensFromRefreshToken, or REFRESH_TOKEN_AUTH where the pool does not know it."""
        from botocore.exceptions import ClientError

        extra: Any = {} if client_secret is None else {"ClientSecret": client_secret}
        extra |= {} if device_key is None else {"DeviceKey": device_key}
        with _signing_in("GetTokensFromRefreshToken"):
            try:
                answer = self._client.get_tokens_from_refresh_token(
                    ClientId=self._client_id, RefreshToken=refresh_token, **extra
                )
                return _tokens(cast(Any, answer))
            except ClientError as error:
                if error.response["Error"]["Code"] not in _NO_ROTATION:
                    raise
        hashed = {} if secret_hash is None else {"SECRET_HASH": secret_hash}
        device = {} if device_key is None else {"DEVICE_KEY": device_key}
        return self._refresh_without_rotation({"REFRESH_TOKEN": refresh_token, **hashed, **device})

    def revoke(self, refresh_token: str, client_secret: str | None) -> None:
        """RevokeToken."""
        extra: Any = {} if client_secret is None else {"ClientSecret": client_secret}
        with _signing_in("RevokeToken"):
            self._client.revoke_token(Token=refresh_token, ClientId=self._client_id, **extra)

    def _refresh_without_rotation(self, parameters: Mapping[str, str]) -> Tokens:
        step = self.start("REFRESH_TOKEN_AUTH", parameters)
        if isinstance(step, Tokens):
            return step
        raise AuthError(f"the refresh was answered with the challenge {step.name}", hint=_LOGIN)


def _step(answer: Any) -> Step:
    if answer.get("ChallengeName"):
        return Challenge(answer["ChallengeName"], answer.get("ChallengeParameters") or {}, answer.get("Session"))
    return _tokens(answer)


def _tokens(answer: Any) -> Tokens:
    result = answer.get("AuthenticationResult") or {}
    if not result.get("AccessToken"):
        raise AuthError("the sign-in service answered with neither tokens nor a challenge", hint=_LOGIN)
    return Tokens(
        access_token=result["AccessToken"],
        id_token=result.get("IdToken"),
        refresh_token=result.get("RefreshToken"),
        expires_in=int(result.get("ExpiresIn", 3600)),
        device_key=(result.get("NewDeviceMetadata") or {}).get("DeviceKey"),
    )


@contextmanager
def _signing_in(operation: str) -> Iterator[None]:
    """Cognito's own refusals in words for a person; never the parameters, which hold passwords and tokens."""
    from botocore.exceptions import ClientError, ParamValidationError

    with aws_call(_SERVICE, operation):
        try:
            yield
        except ParamValidationError:  # its text repeats values
            message = f"{_SERVICE} {operation}: an empty or unusable value"
            raise UsageError(message, hint="check the user name and the code") from None
        except ClientError as error:
            refusal = _refusal(error, operation)
            if refusal is None:
                raise
            raise refusal from error


def _refusal(error: Any, operation: str) -> OrderctlError | None:
    answer = error.response.get("Error", {})
    code, text = str(answer.get("Code")), str(answer.get("Message") or "")
    fault = AwsFault(_SERVICE, operation, code, error.response.get("ResponseMetadata", {}).get("RequestId"))
    if code in _WORDS:
        message, hint = _WORDS[code]
        detail = f": {text}" if code in ("InvalidPasswordException", "ForbiddenException") and text else ""
        return AuthError(message + detail, hint=hint, aws=fault)
    if code == "NotAuthorizedException":
        return _not_authorized(text, fault)
    if code == "ResourceNotFoundException":
        return UsageError(f"no such app client there: {text}", hint="check auth.client_id and region", aws=fault)
    if code == "InvalidParameterException":
        return AuthError(text or code, hint=_parameter_hint(text), aws=fault)
    return None


def _not_authorized(text: str, fault: AwsFault) -> AuthError:
    if "secret" in text.lower():
        return AuthError(text, hint="set ORDERCTL_CLIENT_SECRET to the app client's secret", aws=fault)
    if "ncorrect username or password" in text:
        return AuthError("wrong user name or password", hint=_LOGIN, aws=fault)
    return AuthError(text or "the sign-in was refused", hint=_LOGIN, aws=fault)


def _parameter_hint(text: str) -> str | None:
    if "not enabled" in text or "flow" in text.lower():
        return "enable the flow for the app client, or choose another with auth.flow"
    return None
