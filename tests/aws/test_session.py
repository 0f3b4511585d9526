from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from orderctl.aws.session import CONNECT_TIMEOUT, Aws
from orderctl.config.file import ConfigFile
from orderctl.config.resolve import resolve

FILE = ConfigFile(Path("config.toml"), True, None, {"prod": {}, "local": {"local": True, "region": "eu-west-1"}})


def aws(name: str = "prod", **environ: str) -> Aws:
    return Aws(resolve(name, {}, environ, FILE), environ)


def test_aws_region_is_honoured_before_aws_default_region() -> None:
    both = aws(AWS_REGION="eu-west-1", AWS_DEFAULT_REGION="us-east-1")
    assert both.client("sqs").meta.region_name == "eu-west-1"
    assert aws(AWS_DEFAULT_REGION="us-east-1").client("sqs").meta.region_name == "us-east-1"


def test_retries_timeouts_and_the_user_agent_are_our_own() -> None:
    config = aws(AWS_REGION="eu-west-1").client("sqs").meta.config
    assert config.retries == {"mode": "standard", "total_max_attempts": 4}  # type: ignore[attr-defined]
    assert (config.connect_timeout, config.read_timeout) == (CONNECT_TIMEOUT, 60)  # type: ignore[attr-defined]
    assert "orderctl/" in config.user_agent_extra  # type: ignore[attr-defined]


def test_a_client_is_made_once_for_each_way_of_calling() -> None:
    session = aws(AWS_REGION="eu-west-1")
    assert session.client("sqs") is session.client("sqs")
    once = session.client("sqs", attempts=1)
    assert once is not session.client("sqs")
    assert once.meta.config.retries["total_max_attempts"] == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SFN"])
def test_no_host_prefix_goes_before_somebodys_own_endpoint(variable: str) -> None:
    program = (
        "import os\n"
        "from pathlib import Path\n"
        "from orderctl.aws.session import Aws\n"
        "from orderctl.config.file import ConfigFile\n"
        "from orderctl.config.resolve import resolve\n"
        "file = ConfigFile(Path('c'), True, None, {})\n"
        "client = Aws(resolve('default', {}, os.environ, file), os.environ).client('stepfunctions')\n"
        "seen = []\n"
        "client.meta.events.register_first('before-send', lambda request, **_: seen.append(request.url) or exit(0))\n"
        "try: client.start_sync_execution(stateMachineArn='arn:aws:states:eu-west-1:1:stateMachine:x')\n"
        "finally: print(seen[0])\n"
    )
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "AKIAFAKE",
        "AWS_SECRET_ACCESS_KEY": "fake",
        variable: "http://127.0.0.1:9",
    }
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("http://127.0.0.1:9/"), done.stderr


def test_the_local_environment_has_credentials_of_its_own() -> None:
    session = aws("local", AWS_PROFILE="no-such-profile")
    credentials = session.client("sqs")._request_signer._credentials  # type: ignore[attr-defined]
    assert credentials.access_key == "local"
