"""`make demo`: the main job, told with the commands a user would type.

Every step is run as a process of its own, printed before it runs, and its exit code is checked: the demo
fails where orderctl does. It works in a folder of its own, so it neither reads nor writes your configuration.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

STOCK = "product_id,quantity\nwidget-1,100\nwidget-2,1\n"


class Story:
    """Runs commands in a folder of their own and holds them to their exit codes."""

    def __init__(self, program: str, home: Path) -> None:
        self.program = program
        self.home = home
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ORDERCTL_", "XDG_"))}
        self.environ = {**kept, "HOME": str(home), "ORDERCTL_OUTPUT": "table"}

    def tell(self, text: str) -> None:
        print(f"\n\033[1m# {text}\033[0m" if sys.stdout.isatty() else f"\n# {text}", flush=True)

    def run(self, line: str, *, expect: int = 0) -> None:
        """Run `orderctl LINE`, shown first; its output is what the reader sees."""
        print(f"$ orderctl {line}", flush=True)
        done = subprocess.run([self.program, *shlex.split(line)], env=self.environ, cwd=self.home, check=False)
        print(f"(exit code {done.returncode})" if expect else "", end="\n" if expect else "", flush=True)
        if done.returncode != expect:
            raise SystemExit(f"demo: expected exit code {expect}, got {done.returncode}")

    def ask(self, line: str) -> str:
        """What `orderctl LINE` writes to stdout."""
        words = [self.program, *shlex.split(line)]
        return subprocess.run(words, env=self.environ, cwd=self.home, check=True, capture_output=True, text=True).stdout

    def wait_for_letter(self, queue: str, order_id: str, seconds: float = 40) -> None:
        """Lambda tries the function three times before it gives the event up."""
        look = f"dlq inspect {queue} --order-id {order_id} --output json --query length(@)"
        end = time.monotonic() + seconds
        while self.ask(look).strip() != "1":
            if time.monotonic() > end:
                raise SystemExit(f"demo: no dead letter of {order_id} in {queue} after {seconds:g} s")
            time.sleep(1)


def tell(story: Story) -> None:
    """The story."""
    (story.home / "stock.csv").write_text(STOCK, encoding="utf-8")
    story.tell("The whole order system, embedded, on 127.0.0.1")
    story.run("local up")
    password = next(story.home.rglob("demo-user.password"))

    story.tell("Stock, sign-in, and a user created through the API")
    story.run("inventory seed stock.csv")
    story.run(f"auth login --password-file {shlex.quote(str(password))}")
    story.run("users create --user-id ann --email ann@example.com --name Ann")

    story.tell("An order, followed to its end: exit code 0")
    story.run("orders submit --order-id first --user-id ann --product-id widget-1 --quantity 2 --watch")

    story.tell("More than there is: the workflow fails, and so does the exit code")
    story.run("orders submit --order-id too-many --user-id ann --product-id widget-2 --quantity 5 --watch", expect=8)

    story.tell("An event on the bus; and one whose consumer is down for the next seconds")
    story.run("events publish --order-id second --user-id ann --product-id widget-1 --quantity 1")
    until = (datetime.now(UTC) + timedelta(seconds=8)).strftime("%Y-%m-%dT%H:%M:%SZ")
    story.run(
        f"events publish --order-id poison --user-id ann --product-id widget-1 --quantity 1 --set fail_until={until}"
    )
    queue = "orders-local-order-failures"
    story.wait_for_letter(queue, "poison")

    story.tell("03:00, a failure queue is filling: what is it, and why?")
    story.run("top --once")
    story.run("dlq list")
    story.run(f"dlq inspect {queue}")

    story.tell("The consumer is back: give the event to it, and to nobody else")
    left = datetime.fromisoformat(until) - datetime.now(UTC)
    time.sleep(max(0.0, left.total_seconds()))
    story.run(f"dlq redrive {queue} --dry-run")
    story.run(f"dlq redrive {queue} --yes --verify 3")
    story.run("orders watch poison --timeout 30s")


def main() -> None:
    """Tell the story, and take the stack down however it ends."""
    program = str(Path(sys.argv[1]).absolute()) if len(sys.argv) > 1 else "orderctl"
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="orderctl-demo-") as folder:
        story = Story(program, Path(folder))
        try:
            tell(story)
        finally:
            story.tell("And down again")
            story.run("local down")
    print(f"\nThe demo worked, in {time.monotonic() - began:.0f} seconds.")


if __name__ == "__main__":
    main()
