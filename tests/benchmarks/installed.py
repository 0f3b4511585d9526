"""The AWS CLI v1, in an environment of its own, installed when asked for with `--with-peers`."""

from __future__ import annotations

import subprocess
import venv
from pathlib import Path


def aws_cli(folder: Path) -> Path:
    """The `aws` below `folder`; what is there from an earlier run is used again."""
    program = folder / "bin" / "aws"
    if not program.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", "awscli"], check=True)
    return program


def version(program: Path) -> str:
    """`aws-cli/1.…`, as it says itself."""
    said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True)
    return (said.stdout or said.stderr).split()[0]
