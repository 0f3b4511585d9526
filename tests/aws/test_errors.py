from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from botocore.config import Config
from botocore.session import Session

from orderctl.aws.errors import aws_call
from orderctl.errors import UnreachableError


class Portal(BaseHTTPRequestHandler):
    """A proxy's page in front of AWS."""

    def do_POST(self) -> None:
        page = b"<html>sign in to the network first"
        self.send_response(200)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def test_an_answer_that_is_not_awss_is_as_good_as_none() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Portal) as portal:
        Thread(target=portal.serve_forever, daemon=True).start()
        session = Session()
        session.set_credentials("AKIAEXAMPLE", "secret")
        client: Any = session.create_client(
            "sts",
            region_name="eu-west-1",
            endpoint_url=f"http://127.0.0.1:{portal.server_port}",
            config=Config(retries={"total_max_attempts": 1}, proxies={}),
        )
        with pytest.raises(UnreachableError, match="the answer cannot be read"), aws_call("sts", "GetCallerIdentity"):
            client.get_caller_identity()
        portal.shutdown()
