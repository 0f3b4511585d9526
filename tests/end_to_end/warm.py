"""orderctl for tests that call it a hundred times: each call is a fork of a process that has imported it already.

Half of what a short command costs is imports. Here one server has done them; `orderctl` on the path is a small
client that hands over its arguments, environment, folder and open files, and waits for the exit code. Everything
else is as it is: the entry point, the streams, one process a call.

Pages are read side by side, but they redrive one after the other: a run is refused while another one is at work on the
same failures.

    python -m tests.end_to_end.warm SOCKET      # the server; ends when its stdin does

With ORDERCTL_TEST_CALLS=FILE in a call's environment it is run with `--debug`, and what that says of AWS calls goes to
the file, a line a call with the command before it, instead of to stderr.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import socket
import sys
import threading
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn, TextIO, cast

BEFOREHAND = ("boto3.session", "botocore.client", "botocore.httpsession", "jmespath", "typer", "orderctl.cli.main",
              "orderctl.context", "rich.table", "rich.console", "tomlkit", "pydantic", "tenacity")  # fmt: skip
CALLS = "ORDERCTL_TEST_CALLS"
CLIENT = """\
import fcntl, json, os, socket, sys
turn = open({path!r} + ".redrives", "w")
if sys.argv[1:3] == ["dlq", "redrive"]:
    fcntl.flock(turn, fcntl.LOCK_EX)
with socket.socket(socket.AF_UNIX) as server:
    server.connect({path!r})
    call = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(server, [len(call).to_bytes(4, "big")], [0, 1, 2])
    server.sendall(call)
    answer = server.recv(1)
sys.exit(answer[0] if answer else 255)
"""


class Listener:
    """stderr without the lines of `--debug`, which are kept."""

    def __init__(self, err: TextIO, log: Path, arguments: list[str]) -> None:
        self._err, self._log = err, log
        self._command = " ".join(itertools.takewhile(lambda word: not word.startswith("-"), arguments[:2]))

    def write(self, text: str) -> int:
        if text.startswith("debug: "):
            with self._log.open("a", encoding="utf-8") as log:
                log.write(f"{self._command}\t{text.split(': ')[1]}\n")
            return len(text)
        return self._err.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._err, name)


def write_program(folder: Path, path: Path) -> None:
    """`orderctl`, to be put on the path, of the server that listens at `path`."""
    (folder / "client.py").write_text(CLIENT.format(path=str(path)), encoding="utf-8")
    program = folder / "orderctl"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {folder}/client.py "$@"\n', encoding="utf-8")
    program.chmod(0o755)


def serve(path: str) -> None:
    """Answer calls until stdin ends."""
    for name in BEFOREHAND:
        import_module(name)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen(64)
        server.settimeout(0.2)
        while os.getppid() != 1 and not _is_over():
            with contextlib.suppress(TimeoutError):
                caller, _ = server.accept()
                caller.settimeout(None)
                if os.fork() == 0:
                    server.close()
                    _answer(caller)
                caller.close()
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass


def _is_over() -> bool:
    import select

    return bool(select.select([0], [], [], 0)[0])


def _answer(caller: socket.socket) -> NoReturn:
    """In the fork: become the caller, run, tell the exit code."""
    code = 255
    try:
        size, files, _, _ = socket.recv_fds(caller, 4, 3)
        wanted = int.from_bytes(size, "big")
        call = b""
        while len(call) < wanted:
            call += caller.recv(wanted - len(call))
        arguments, folder, environ = json.loads(call)
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environ)
        sys.argv = ["orderctl", *arguments]
        if log := os.environ.pop(CALLS, None):
            sys.argv.append("--debug")
            sys.stderr = cast(TextIO, Listener(sys.stderr, Path(log), arguments))
        code = _run()
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        caller.sendall(bytes([code]))
        os._exit(code)


def _run() -> int:
    from orderctl.__main__ import run

    try:
        run()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    return 0


if __name__ == "__main__":
    assert threading.active_count() == 1, "a fork with threads is no copy"
    serve(sys.argv[1])
