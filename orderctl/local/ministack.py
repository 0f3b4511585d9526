"""How ministack is run: its command, its environment, and what it answers when it is well.

Its defaults suit a container, not a laptop: it binds every interface, opens an MQTT port, and clears away
labelled containers of any Docker daemon it finds. All three are turned off. Nothing of the user's environment
goes to it except what finds programs and folders: a Lambda function under test inherits what it has, and must
find neither keys nor an AWS profile there.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec

from orderctl.errors import FailedError
from orderctl.local.files import LocalFiles
from orderctl.local.models import LocalState

HOST = "127.0.0.1"
ACCOUNT_ID = "000000000000"
"""The account ministack plays unless an access key says otherwise."""
INSTALL = "pip install 'orderctl[local]'"
MODULES = ("ministack", "samtranslator", "aws_lambda_powertools")
"""What the extra `[local]` brings: the emulator, the translator its SAM templates need, what the functions import."""
HEALTH_TIMEOUT = 2.0
"""Seconds one health question may take; the server answers in milliseconds."""
_KEPT = ("PATH", "HOME", "LANG", "LANGUAGE", "TZ")
_KEPT_PREFIXES = ("LC_", "XDG_")


def check_installed(find: Callable[[str], object] = find_spec) -> None:
    """Raise FailedError with the install line unless the extra is there."""
    if not all(find(module) for module in MODULES):
        raise FailedError("the local stack needs the extra 'local', which is not installed", hint=INSTALL)


def command(python: str = sys.executable) -> list[str]:
    """The server as a process of the same interpreter that runs orderctl."""
    return [python, "-m", "ministack"]


def environment(
    files: LocalFiles, environ: Mapping[str, str], *, port: int, region: str, persist: bool, instance: str
) -> dict[str, str]:
    """The whole environment of the server: a few harmless variables of the user's, and its settings.

    `instance` comes back in the health answer as `edition`, the one field of it that is free.
    """
    data = files.data(persist)
    kept = {name: value for name, value in environ.items() if name in _KEPT or name.startswith(_KEPT_PREFIXES)}
    return kept | {
        "TMPDIR": str(data / "tmp"),
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": HOST,
        "MINISTACK_REGION": region,
        "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
        "MINISTACK_EDITION": instance,
        "PERSIST_STATE": "1" if persist else "0",
        "S3_PERSIST": "1" if persist else "0",
        "STATE_DIR": str(data / "state"),
        "S3_DATA_DIR": str(data / "s3"),
        "LAMBDA_EXECUTOR": "local",
        "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "0.2",
        "LAMBDA_ASYNC_RETRY_MAX_SECONDS": "0.5",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": f"unix://{data / 'no-docker.sock'}",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def is_well(state: LocalState) -> bool:
    """Does the very server of `state` answer on its port, ready to serve?

    Asked without any proxy: the connection is made by hand.
    """
    answer = _get(state.port, "/_ministack/health")
    if answer is None or answer.get("edition") != state.instance:
        return False
    return _get(state.port, "/_ministack/ready") is not None


def _get(port: int, path: str) -> dict[str, object] | None:
    """The JSON object of a 200 answer; None for anything else, whoever listens there."""
    from http.client import HTTPConnection, HTTPException

    connection = HTTPConnection(HOST, port, timeout=HEALTH_TIMEOUT)
    try:
        connection.request("GET", path)
        reply = connection.getresponse()
        said = json.loads(reply.read(1 << 20)) if reply.status == 200 else None
        return said if isinstance(said, dict) else None
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()
