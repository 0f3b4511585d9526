"""Temporary credentials, kept where the AWS CLI keeps them.

Whoever assumes a role with MFA types the code once an hour, not once a command, and a session begun by `aws`
serves here as well: same folder, same file names, same content. botocore's own default keeps them in memory,
until the end of the command. A folder that cannot be written costs the cache, not the command.

The code is asked for at the terminal and nowhere else: botocore alone would take it from standard input, where a
script's data may lie.
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
    roles: Any = chain.get_provider("assume-role")
    roles._prompter = ask_code
    session.register_component("credential_provider", chain)


def ask_code(prompt: str) -> str:
    """The MFA code, typed without being shown; raises AuthError where nobody is there to type it."""
    import os
    from getpass import getpass

    from orderctl.errors import AuthError

    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
        return getpass(prompt)
    except (OSError, EOFError):
        hint = "run it in a terminal once: the role's session is kept for an hour, and one begun by 'aws' serves too"
        raise AuthError("the AWS profile wants an MFA code, and nobody is there to type it", hint=hint) from None
