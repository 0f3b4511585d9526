"""Somebody's desk: an empty home, a warm orderctl on the path that notes its calls, a shell to read pages in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from orderctl.permissions import iam_action
from tests.end_to_end import warm
from tests.end_to_end.backstage import eventually
from tests.end_to_end.documents import Ended, Step, bare_environ, run
from tests.end_to_end.shell import ROOT


class Desk:
    """A home, a warm orderctl on the path, and a local stack."""

    def __init__(self, folder: Path) -> None:
        self.home, self.programs = folder / "home", folder / "bin"
        for made in (self.home, self.programs):
            made.mkdir()
        socket = folder / "warm"
        warm.write_program(self.programs, socket)
        path = f"{self.programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        self.environ = {**bare_environ(), "HOME": str(self.home), "PATH": path, "PYTHONPATH": str(ROOT)}
        self._calls = folder / "calls"
        self.environ[warm.CALLS] = str(self._calls)
        self.server = subprocess.Popen(
            [sys.executable, "-m", "tests.end_to_end.warm", str(socket)],
            stdin=subprocess.PIPE,
            env=self.environ,
            cwd=ROOT,
        )
        eventually(lambda: socket.exists() or None, "the warm orderctl")

    def types(self, line: str) -> str:
        """One line that has to end well; what it says on stdout."""
        done = subprocess.run(
            ["/bin/sh", "-c", line], env=self.environ, cwd=self.home, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"$ {line}\n{done.stdout}{done.stderr}"
        return done.stdout

    def reads(self, page: str, wanted: list[Step]) -> list[Ended]:
        """A page's lines, in a folder of its own, with a configuration of its own: pages are read side by side."""
        folder = self.home / page
        folder.mkdir(exist_ok=True)
        common, own = self.home / ".config" / "orderctl" / "config.toml", folder / "config.toml"
        if not common.exists():
            return run(wanted, self.environ, folder)
        if not own.exists():
            shutil.copy(common, own)
        return run(wanted, {**self.environ, "ORDERCTL_CONFIG": str(own)}, folder)

    def calls(self) -> dict[str, set[str]]:
        """Every call that was made, by the command that made it, as the permission it takes."""
        found: dict[str, set[str]] = {}
        for line in self._calls.read_text(encoding="utf-8").splitlines():
            command, service, operation = line.replace("\t", " ").rsplit(" ", 2)
            found.setdefault(command, set()).add(iam_action(service, operation))
        return found

    def leaves(self) -> None:
        assert self.server.stdin is not None
        try:
            self.types("orderctl local down")
        finally:
            self.server.stdin.close()
            self.server.wait(timeout=10)
