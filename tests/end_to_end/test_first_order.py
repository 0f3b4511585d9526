"""A newcomer's first hour: sign in, a user, stock, an order that goes through, orders that do not."""

from __future__ import annotations

import json
import sys

import pytest

from tests.end_to_end.backstage import Backstage
from tests.end_to_end.shell import Shell

pytestmark = pytest.mark.end_to_end

JSON_TOOL = (sys.executable, "-m", "json.tool")


def order(order_id: str, product: str = "widget-1", quantity: object = 1) -> str:
    return f"orders submit --order-id {order_id} --user-id ann --product-id {product} --quantity {quantity}"


# --- orders --------------------------------------------------------------------------------------------------------


def test_an_order_is_watched_through_every_state_to_its_end(stocked: Shell) -> None:
    done = stocked.run(f"{order('first')} --watch")
    states = [tuple(line.split("\t")[2:4]) for line in done.out.splitlines()]
    assert states == [
        ("", "started"),
        *[
            (state, said)
            for state in ("ValidateOrder", "TakeStock", "PrepareOrder", "PublishNotification", "OrderAccepted")
            for said in ("entered", "succeeded")
        ],
        ("", "succeeded"),
    ]
    assert done.err == "order first\n"


def test_the_very_first_order_needs_nothing_but_the_stack(shell: Shell) -> None:
    """`local up` leaves something to order, and something that is out of stock."""
    shell.run("orders submit --order-id very-first --product-id widget-1 --quantity 1 --watch")
    shell.run("orders submit --order-id out --product-id sold-out --quantity 1 --watch", expect=8)


def test_an_order_of_more_than_there_is_ends_with_8(stocked: Shell) -> None:
    done = stocked.run(f"{order('too-many', 'widget-2', 5)} --watch", expect=8)
    assert "orderctl: order too-many FAILED: OutOfStock: order too-many asks for 5 of widget-2, left: 1" in done.err


def test_an_order_of_what_does_not_exist_ends_with_8_and_another_name(stocked: Shell) -> None:
    done = stocked.run(f"{order('unheard-of', 'no-such')} --watch", expect=8)
    assert (
        "orderctl: order unheard-of FAILED: ProductNotFound: order unheard-of: there is no product no-such" in done.err
    )


@pytest.mark.parametrize("quantity", ["0", "-1", "1.5", "two"])
def test_a_quantity_that_is_none_is_found_before_anything_is_started(
    stocked: Shell, backstage: Backstage, quantity: str
) -> None:
    before = backstage.executions()
    done = stocked.run(f"{order('never', quantity=quantity)} --watch", expect=2)
    assert done.out == ""
    assert "quantity must be a whole number of at least 1" in done.err
    assert backstage.executions() == before


def test_an_order_started_without_a_watch_is_there_to_be_watched(stocked: Shell) -> None:
    started = stocked.run(f"{order('later')} -o json").json
    assert (started["order_id"], started["status"]) == ("later", "RUNNING")
    assert stocked.run("orders watch later --timeout 30s -o json").json["status"] == "SUCCEEDED"


# --- json, with a terminal and without -----------------------------------------------------------------------------


def test_json_parses_without_a_terminal(stocked: Shell) -> None:
    done = stocked.run(f"{order('no-terminal')} --watch -o json")
    assert json.loads(done.out)["status"] == "SUCCEEDED"


def test_json_parses_at_the_end_of_a_pipe_typed_in_a_terminal(stocked: Shell) -> None:
    done = stocked.run_in_terminal(f"{order('piped')} --watch -o json", into=JSON_TOOL)
    assert json.loads(done.out)["status"] == "SUCCEEDED"
    assert "order piped" in done.err


def test_json_on_the_terminal_itself_is_not_drawn_over(stocked: Shell) -> None:
    done = stocked.run_in_terminal(f"{order('shown')} -o json")
    assert done.out.startswith("order shown\r\n{")
    assert json.loads(done.out.removeprefix("order shown"))["order_id"] == "shown"


def test_a_failed_order_in_json_parses_too(stocked: Shell) -> None:
    done = stocked.run(f"{order('failed', 'no-such')} --watch -o json", expect=8)
    assert (done.json["status"], done.json["error"], done.json["exit_code"]) == ("FAILED", "ProductNotFound", 8)


# --- users and sign-in ---------------------------------------------------------------------------------------------


def test_a_wrong_password_is_4_and_nobody_is_signed_in(shell: Shell) -> None:
    done = shell.run("auth login --password-stdin", stdin="Wrong-password-1\n", expect=4)
    assert done.out == ""
    assert done.err.startswith("orderctl: wrong user name or password\n")
    shell.run("users get ann", expect=4)
    shell.run("auth status", expect=4)


@pytest.fixture(scope="module")
def signed_in(shell: Shell) -> Shell:
    [password] = shell.home.rglob("demo-user.password")
    shell.run(f"auth login --password-file {password}")
    return shell


def test_a_user_is_created_once_and_read_back(signed_in: Shell) -> None:
    create = "users create --user-id ada --email ada@example.com --name 'Ada Lovelace' -o json"
    ada = {"user_id": "ada", "email": "ada@example.com", "name": "Ada Lovelace"}
    assert signed_in.run(create).json == ada
    assert "exists already" in signed_in.run(create, expect=5).err
    other = create.replace("Lovelace", "Byron")
    assert json.loads(signed_in.run(other, expect=5).err)["code"] == "conflict"
    assert signed_in.run("users get ada -o json").json == ada
    signed_in.run("users get nobody", expect=3)


# --- events and stock ----------------------------------------------------------------------------------------------


def test_an_event_for_a_bus_that_is_not_there_is_3(stocked: Shell, backstage: Backstage) -> None:
    line = "events publish --bus nowhere --order-id lost --user-id ann --product-id widget-1 --quantity 1"
    assert "orderctl: event bus nowhere" in stocked.run(line, expect=3).err
    assert "lost" not in backstage.executions()


def test_an_event_on_the_bus_reaches_each_consumer_once(stocked: Shell, backstage: Backstage) -> None:
    stocked.run("events publish --order-id told --user-id ann --product-id widget-1 --quantity 1")
    assert backstage.execution("told") == "SUCCEEDED"
    backstage.wait_until_handled("told", ["analytics", "process-order", "send-email"])


def test_the_same_stock_seeded_again_changes_nothing(shell: Shell) -> None:
    (shell.home / "stock.csv").write_text("product_id,quantity\nbolt,7\nnut,9\n", encoding="utf-8")
    first = shell.run("inventory seed stock.csv -o json").json
    again = shell.run("inventory seed stock.csv -o json").json
    assert (first["counts"]["created"], again["counts"]["created"], again["counts"]["kept"]) == (2, 0, 2)
    assert shell.run("inventory get bolt -o json").json == {"product_id": "bolt", "quantity": 7}
