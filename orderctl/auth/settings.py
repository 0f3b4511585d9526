"""What an environment's settings say about signing in, checked and in one piece."""

from __future__ import annotations

from collections.abc import Callable

from orderctl.auth.models import REDIRECT_PORTS, Flow, SignInSettings, TokenKind
from orderctl.config.resolve import Environment
from orderctl.errors import UsageError


def read_settings(
    environment: Environment,
    text: Callable[[str], str | None],
    *,
    flow: str | None = None,
    client_secret: str | None = None,
) -> SignInSettings:
    """Read them; `text` gives a key's value, discovery included, and `flow` is for once instead of `auth.flow`.

    Raises UsageError for an unknown flow, or where a flow that signs in has no app client.
    """
    named = flow or text("auth.flow") or Flow.SRP.value
    if named not in set(Flow):
        raise UsageError(f"unknown flow {named!r}", hint="one of: " + ", ".join(Flow))
    urls = (text(f"resources.{name}") for name in ("users_api_url", "orders_api_url"))
    return SignInSettings(
        environment=environment.name,
        flow=Flow(named),
        client_id=_client_id(environment, text, Flow(named)),
        api_urls=tuple(url for url in urls if url),
        user_pool_id=text("resources.user_pool_id"),
        client_secret=client_secret,
        token_use=TokenKind(text("auth.token_use") or TokenKind.ID),
        token_url=text("auth.token_url"),
        scopes=text("auth.scopes"),
        redirect_ports=_ports(text("auth.redirect_ports")),
        is_local=environment.is_local,
    )


def _client_id(environment: Environment, text: Callable[[str], str | None], flow: Flow) -> str:
    client_id = text("auth.client_id")
    if client_id is None and flow not in (Flow.IAM, Flow.NONE):
        raise UsageError(
            f"environment {environment.name!r} names no app client",
            hint="orderctl config set auth.client_id ID, or set 'stack' to discover it",
        )
    return client_id or ""


def _ports(listed: str | None) -> tuple[int, ...]:
    if listed is None:
        return REDIRECT_PORTS
    words = listed.split()
    if not words or not all(word.isascii() and word.isdigit() and 0 < int(word) < 65536 for word in words):
        raise UsageError(f"auth.redirect_ports is {listed!r}", hint="port numbers with spaces between: '18181 18182'")
    return tuple(int(word) for word in words)
