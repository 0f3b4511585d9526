"""`python -m orderctl` and the console script.

`--version` is answered before anything heavy is imported: it is what scripts and completions ask most.
"""

from __future__ import annotations

import sys


def run() -> None:
    """The console script's entry point."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from orderctl import __version__

        print(f"orderctl {__version__}")
        return
    try:
        from orderctl.cli.main import main

        sys.exit(main())
    except KeyboardInterrupt:  # before main listens, or after it has ended
        sys.exit(130)


if __name__ == "__main__":
    run()
