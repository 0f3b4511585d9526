"""Opening the person's browser, without handing it anything but the address.

Python's own `webbrowser` knows the browsers of every system. It runs in a process of its own, because what it starts
inherits the environment: secrets that orderctl takes from there are left out first. What a browser prints is no
output of ours.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

SECONDS = 15.0
SECRET_WORDS = ("SECRET", "TOKEN", "PASSWORD")


def open_page(url: str, environ: Mapping[str, str]) -> bool:
    """Show `url`; False where no browser could be started."""
    plain = {name: value for name, value in environ.items() if not any(word in name for word in SECRET_WORDS)}
    try:
        ended = subprocess.run(
            [sys.executable, "-I", "-m", "webbrowser", url],
            env=plain,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ended.returncode == 0
