"""What somebody at a terminal sees of `dlq inspect` and `dlq redrive`: whole screens, in three sizes.

The screens lie in `screens/`, so that a change of what people see is a change of a file a reviewer reads. After a
change that is meant: `ORDERCTL_WRITE_SCREENS=1 python -m pytest tests/cli/test_dlq_screens.py`.
"""

from __future__ import annotations

import io
import os
import re
from pathlib import Path

import pytest

from orderctl.cli.main import main
from orderctl.context import App
from orderctl.render.renderer import Renderer
from orderctl.render.style import Style
from tests.cli.support import Terminal, new_app
from tests.cli.test_dlq import Silent, Wired
from tests.dlq.world import World

SCREENS = Path(__file__).parent / "screens"
SIZES = [(80, 24), (40, 12), (200, 50)]
COMMANDS = {
    "inspect": ["dlq", "inspect"],
    "plan": ["dlq", "redrive", "orders-dlq", "--rate", "2", "--dry-run"],
    "redrive": ["dlq", "redrive", "orders-dlq", "--yes", "--verify", "--rate", "2"],
}
PLAIN = Style(color=False)
ERASE_LINE = "\r\x1b[2K"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Three orders from a queue, one letter sent by hand, and two failures of a function."""
    found = World(tmp_path / "state")
    found.aws.services["cloudwatch"] = Silent()
    found.seed(3)
    found.aws.sqs.seed(found.dlq, '{"order_id": "by-hand\\u001b[31m"}')
    queue = found.aws.sqs.create("process-order-dlq")
    found.aws.lambda_.create("process-order", dead_letter_arn=queue.arn)
    for number in range(2):
        marks = {
            "RequestID": {"DataType": "String", "StringValue": f"request-{number}"},
            "ErrorCode": {"DataType": "Number", "StringValue": "200"},
            "ErrorMessage": {"DataType": "String", "StringValue": "ValidationError: quantity must be a whole number"},
        }
        found.aws.sqs.seed(queue, f'{{"order_id": "order-9{number}"}}', MessageAttributes=marks)
    found.clock.advance(5400)
    return found


def at_terminal(world: World, home: Path, columns: int) -> tuple[App, io.StringIO]:
    """An App whose stdout and stderr are one terminal so wide, without colours."""
    app = new_app(home, environ={"AWS_REGION": "ap-northeast-1"}, clock=world.clock, terminal=True)
    screen = Terminal()
    app.out = app.err = screen
    app.renderer = Renderer(screen, screen, world.clock, columns=columns, style=PLAIN, err_style=PLAIN)
    app.aws = Wired(world)  # type: ignore[assignment]
    return app, screen


def shown(written: str, columns: int) -> str:
    """The lines as a terminal shows them: erased ones gone, long ones wrapped where it ends."""
    named = re.sub(r"(\d{8}T\d{6}Z)-[0-9a-f]{6}", r"\1-xxxxxx", written)
    lines = [line.rsplit(ERASE_LINE, 1)[-1].rstrip() for line in named.split("\n")]
    assert not [line for line in lines if "\x1b" in line], "an escape reached the terminal"
    wrapped = [line[at : at + columns].rstrip() for line in lines for at in range(0, max(len(line), 1), columns)]
    return "\n".join(wrapped)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("command", COMMANDS)
def test_the_screen_is_the_expected_one(world: World, tmp_path: Path, command: str, size: tuple[int, int]) -> None:
    columns, rows = size
    app, screen = at_terminal(world, tmp_path, columns)
    code = main(COMMANDS[command], app)
    seen = f"{shown(screen.getvalue(), columns)}[exit {code}]\n"
    file = SCREENS / f"{command}-{columns}x{rows}.txt"
    if os.environ.get("ORDERCTL_WRITE_SCREENS"):
        file.write_text(seen, encoding="utf-8")
    assert seen == file.read_text(encoding="utf-8")
