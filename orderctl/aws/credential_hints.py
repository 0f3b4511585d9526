"""The exact command that mends credentials which are missing or have ended.

botocore's errors know the kind of sign-in but not the profile; the settings know the profile but not the kind. Here
the two meet: `aws sso login --profile orders-prod`, to be copied and run.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from orderctl.config.resolve import Environment
from orderctl.errors import OrderctlError

_SSO = frozenset({"SSOError", "SSOTokenLoadError", "UnauthorizedSSOTokenError", "TokenRetrievalError"})
_LOGIN = frozenset({"LoginError", "LoginRefreshRequired", "LoginTokenLoadError", "LoginAuthorizationCodeError"})


def command_for(error: OrderctlError, environment: Environment, environ: Mapping[str, str]) -> str | None:
    """What to run, by the botocore error that `error` came from; None where that is not known."""
    kinds = {cause.__name__ for cause in _causes(error)}
    profile = environment.text("profile") or environ.get("AWS_PROFILE") or environ.get("AWS_DEFAULT_PROFILE")
    flag = f" --profile {shlex.quote(profile)}" if profile else ""
    if kinds & _SSO:
        return f"aws sso login{flag}"
    if kinds & _LOGIN:
        return f"aws login{flag}"
    if "MissingDependencyException" in kinds:
        return "pip install 'botocore[crt]', which profiles made by 'aws login' need"
    if "ProfileNotFound" in kinds:
        return "see what there is with: aws configure list-profiles"
    return None


def _causes(error: BaseException) -> list[type[BaseException]]:
    """The kinds of every error on the way down, each with what it is a kind of."""
    found: list[type[BaseException]] = []
    cause: BaseException | None = error
    while cause is not None and len(found) < 100:
        found += type(cause).__mro__
        cause = cause.__cause__ or cause.__context__
    return found
