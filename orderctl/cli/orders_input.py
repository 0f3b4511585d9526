"""From flags and files to the order that is submitted: flags win over the file, `--set` over both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orderctl.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orderctl.assignments import Json
    from orderctl.context import App
    from orderctl.orders.order import Order

STDIN = "-"


def order_from(
    cli: App,
    *,
    file: str | None,
    product_id: str | None,
    quantity: str | None,
    user_id: str | None,
    order_id: str | None,
    sets: Sequence[str],
) -> tuple[Order, bool]:
    """The order, and whether its id was made here. Raises UsageError naming the field that is wrong."""
    from orderctl import assignments
    from orderctl.orders.names import new_order_id
    from orderctl.orders.order import parse_order, quantity_from

    document = _document(cli, file)
    flags: dict[str, Json] = {
        "product_id": product_id,
        "quantity": None if quantity is None else quantity_from(quantity),
        "user_id": user_id,
        "order_id": order_id,
    }
    given = {name: value for name, value in flags.items() if value is not None}
    edited = assignments.apply({**document, **given}, assignments.changes(sets))
    if not isinstance(edited, dict):
        raise UsageError("an order is a JSON object")
    made_id = "order_id" not in edited
    if made_id:
        edited = {**edited, "order_id": new_order_id(cli.clock.now())}
    if "user_id" not in edited:
        edited = {**edited, "user_id": somebody(cli)}
    return parse_order(edited, source=file or "order"), made_id


def read_text(cli: App, file: str) -> tuple[str, str]:
    """The text of a file or of stdin, and what errors call it. Raises UsageError where it is not there."""
    from pathlib import Path

    if file == STDIN:
        try:
            return cli.stdin.read(), "<stdin>"
        except UnicodeDecodeError as error:
            raise UsageError(f"<stdin>: cannot be read: {error}") from error
    try:
        return Path(file).expanduser().read_text(encoding="utf-8"), file
    except (FileNotFoundError, IsADirectoryError, UnicodeDecodeError) as error:
        raise UsageError(f"--file {file}: cannot be read: {error}") from error


def _document(cli: App, file: str | None) -> dict[str, Json]:
    from orderctl import jsontext

    if file is None:
        return {}
    text, source = read_text(cli, file)
    document = jsontext.loads(text, source=source)
    if not isinstance(document, dict):
        raise UsageError(f"{source}: an order is a JSON object", hint="several orders go one by one")
    return document


def somebody(cli: App) -> str:
    """Who orders where nobody is named: the name used to sign in, else `orderctl`."""
    setting = cli.setting("auth.username")
    return str(setting.value) if setting is not None and setting.value else "orderctl"
