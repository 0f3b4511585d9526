from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orderctl.aws.session import CONNECT_TIMEOUT, Aws
from orderctl.config.file import ConfigFile
from orderctl.config.resolve import resolve
from orderctl.errors import AuthError

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


def test_every_worker_of_the_largest_pool_has_a_connection_of_its_own_to_keep() -> None:
    assert aws(AWS_REGION="eu-west-1").client("dynamodb").meta.config.max_pool_connections >= 32  # type: ignore[attr-defined]


def test_a_client_is_made_once_for_each_way_of_calling() -> None:
    session = aws(AWS_REGION="eu-west-1")
    assert session.client("sqs") is session.client("sqs")
    once = session.client("sqs", attempts=1)
    assert once is not session.client("sqs")
    assert once.meta.config.retries["total_max_attempts"] == 1  # type: ignore[attr-defined]


def test_threads_that_ask_at_once_get_the_same_client() -> None:
    session = aws("local")
    gate = threading.Barrier(8)

    def asked(_number: int) -> object:
        gate.wait()
        return session.client("sqs").meta

    with ThreadPoolExecutor(8) as threads:
        assert len(set(map(id, threads.map(asked, range(8))))) == 1


def test_a_client_is_made_when_it_is_first_used_and_errors_come_then() -> None:
    session = aws(AWS_PROFILE="no-such-profile")
    client = session.client("sqs")
    for _ in range(2):
        with pytest.raises(AuthError, match="no-such-profile"):
            client.list_queues()


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


def test_credentials_are_those_the_clients_sign_with() -> None:
    assert aws("local").credentials()[:3] == ("local", "local", None)


def test_without_credentials_asking_for_them_says_how_to_sign_in() -> None:
    program = (
        "import os\n"
        "from pathlib import Path\n"
        "from orderctl.aws.session import Aws\n"
        "from orderctl.config.file import ConfigFile\n"
        "from orderctl.config.resolve import resolve\n"
        "from orderctl.errors import AuthError\n"
        "file = ConfigFile(Path('c'), True, None, {})\n"
        "try: Aws(resolve('default', {}, os.environ, file), os.environ).credentials()\n"
        "except AuthError as error: print(error.message, error.hint)\n"
    )
    environ = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true"}
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("no usable AWS credentials: Unable to locate credentials sign in again"), done.stderr


def test_a_session_needs_no_boto3() -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from orderctl.aws.session import Aws\n"
        "from orderctl.config.file import ConfigFile\n"
        "from orderctl.config.resolve import resolve\n"
        "file = ConfigFile(Path('c'), True, None, {'x': {'local': True, 'region': 'eu-west-1'}})\n"
        "Aws(resolve('x', {}, {}, file), {}).client('sqs')\n"
        "sys.exit(' '.join({'boto3', 's3transfer'} & set(sys.modules)) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_is_said_to_this_machine_goes_through_no_proxy() -> None:
    assert aws("local").client("sqs").meta.config.proxies == {}  # type: ignore[attr-defined]
    assert aws(AWS_REGION="eu-west-1").client("sqs").meta.config.proxies is None  # type: ignore[attr-defined]
