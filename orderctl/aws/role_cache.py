"""Temporary credentials, kept where the AWS CLI keeps them.

Whoever assumes a role with MFA types the code once an hour, not once a command, and a session begun by `aws`
serves here as well: same folder, same file names, same content. botocore's own default keeps them in memory,
until the end of the command. A folder that cannot be written costs the cache, not the command.
"""

from __future__ import annotations

from typing import Any

FOLDER = "~/.aws/cli/cache"


class RoleCache:
    """What botocore's credential providers take as `cache`: a mapping of JSON documents, on disk."""

    def __init__(self, files: Any) -> None:
        self._files = files
        self._memory: dict[str, Any] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._memory or key in self._files

    def __getitem__(self, key: str) -> Any:
        return self._memory[key] if key in self._memory else self._files[key]

    def __setitem__(self, key: str, credentials: Any) -> None:
        try:
            self._files[key] = credentials
        except OSError:
            self._memory[key] = credentials


def keep_roles(session: Any, region: str | None, folder: str = FOLDER) -> None:
    """Have a botocore session find and leave the credentials of roles and SSO in the AWS CLI's cache."""
    import os

    from botocore.credentials import create_credential_resolver
    from botocore.utils import JSONFileCache

    cache: Any = RoleCache(JSONFileCache(os.path.expanduser(folder)))
    chain = create_credential_resolver(session, cache=cache, region_name=region)
    session.register_component("credential_provider", chain)
