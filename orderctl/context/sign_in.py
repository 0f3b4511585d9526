"""What users and signing in take: the token store, the doors to sign in by, the APIs behind them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from orderctl.context.settings import Settings

if TYPE_CHECKING:
    from orderctl.auth.access import Access
    from orderctl.auth.ports import TokenStore
    from orderctl.aws.api_gateway import ApiGateway
    from orderctl.doctor.ports import Probes


class SignInParts(Settings):
    """What users and signing in take."""

    @cached_property
    def token_store(self) -> TokenStore:
        """Where sign-ins are kept: private files, or the system's keyring where `auth.store` says so."""
        from orderctl.auth.store import TokenFiles

        files = TokenFiles(self.state_dir, self.clock)
        if self.environment.text("auth.store") != "keyring":
            return files
        from orderctl.auth.keyring_store import KeyringStore, open_keyring

        return KeyringStore(open_keyring(), files)

    @cached_property
    def open_browser(self) -> Callable[[str], bool]:
        """Shows a page to the person; did a browser open?"""
        from orderctl.auth.open_page import open_page

        return lambda url: open_page(url, self.environ)

    def access(self, flow: str | None = None) -> Access:
        """The way into the environment's APIs; `flow` is for once instead of `auth.flow`."""
        from orderctl.auth.access import Access
        from orderctl.auth.secret_files import client_secret
        from orderctl.auth.settings import read_settings
        from orderctl.aws.sign_in_doors import AwsDoors

        secret = client_secret(self.environ)
        settings = read_settings(self.environment, self._text, flow=flow, client_secret=secret)
        doors = AwsDoors(self.aws, settings, ca_bundle=self.ca_bundle)
        return Access(settings, self.token_store, doors, self.clock)

    def api(self, resource: str, *, connections: int = 1) -> ApiGateway:
        """One of the environment's APIs (`users_api_url`), spoken to as `auth.flow` says."""
        from orderctl.aws.api_gateway import ApiGateway

        url, authorizer = self.resource(resource), self.access().authorizer
        return ApiGateway(
            url, authorizer, connections=connections, ca_bundle=self.ca_bundle, log_group=lambda: self._function_logs
        )

    @cached_property
    def _function_logs(self) -> str | None:
        """The log group to name in an error; that it cannot be found out must not hide the error itself."""
        from orderctl.errors import OrderctlError

        try:
            return self.optional_resource("function_log_group")
        except OrderctlError:
            return None

    @cached_property
    def probes(self) -> Probes:
        """What `doctor` asks of AWS."""
        from orderctl.aws.probes import AwsProbes

        return AwsProbes(self.aws, self.clock, ca_bundle=self.ca_bundle, better_hint=self.credential_hint)
