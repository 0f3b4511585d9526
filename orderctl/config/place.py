"""Where a resource lies by its own name: the Region and account in an ARN, a queue's URL or an API's address.

An environment is pinned to an account and a Region, and the credentials are held against that. A variable left from
another shell can still name somebody else's bus or API, which these credentials may reach; its name gives it away.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from orderctl.config.resolve import Environment

_URLS = (
    re.compile(r"https://(?:[a-z0-9-]+\.)?sqs\.(?P<region>[a-z0-9-]+)\.[a-z0-9.]+/(?P<account_id>\d{12})/"),
    re.compile(r"https://[a-z0-9-]+\.execute-api(?:-fips)?\.(?P<region>[a-z0-9-]+)\.(?:amazonaws|api\.aws)"),
)


@dataclass(frozen=True, slots=True)
class Astray:
    """A resource that a variable names, in another place than the environment is pinned to."""

    origin: str
    named: str
    pinned: str


def place_of(resource: str) -> dict[str, str]:
    """`region` and `account_id` as far as the name says them; empty for a plain name."""
    if resource.startswith("arn:"):
        parts = [*resource.split(":", 5), "", "", ""]
        said = {"region": parts[3], "account_id": parts[4]}
    else:
        found = next((match for url in _URLS if (match := url.match(resource))), None)
        said = {} if found is None else found.groupdict()
    return {name: value for name, value in said.items() if value}


def astray(environment: Environment) -> Astray | None:
    """The first resource that a variable names outside of the pins. What the file itself says is meant so."""
    for key, setting in environment.settings.items():
        if not (key.startswith("resources.") and setting.origin.startswith("$")):
            continue
        for name, value in place_of(str(setting.value)).items():
            pinned = environment.pins.get(name)
            if pinned is not None and value != pinned:
                return Astray(setting.origin, value, pinned)
    return None
