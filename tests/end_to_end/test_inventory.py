"""Stock on a table that lives: seeded while orders take from it, imported whole, exported byte for byte."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from threading import Event, Thread
from typing import Any

import pytest

from tests.end_to_end.backstage import Backstage
from tests.end_to_end.shell import Shell

pytestmark = pytest.mark.end_to_end

PRODUCTS = [f"p{number:02}" for number in range(40)]
ORDERS = 250
"""At least, for each of the four modes: a thousand together."""


@contextmanager
def live_table(backstage: Backstage, name: str) -> Iterator[str]:
    """A stock table of its own, 1000 of each product in it."""
    client = backstage.client("dynamodb")
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "product_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "product_id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for product in PRODUCTS:
        client.put_item(TableName=name, Item={"product_id": {"S": product}, "quantity": {"N": "1000"}})
    try:
        yield name
    finally:
        client.delete_table(TableName=name)


def quantities(shell: Shell, table: str) -> dict[str, int]:
    return {row["product_id"]: row["quantity"] for row in shell.run(f"inventory list --table {table} -o json").json}


class Customers:
    """Orders taking stock the way the workflow does, one conditional write each: before, during and after the block."""

    def __init__(self, client: Any, table: str) -> None:
        self.taken: Counter[str] = Counter()
        self._client, self._table = client, table
        self._began, self._is_over = Event(), Event()
        self._thread = Thread(target=self._order)

    def __enter__(self) -> Customers:
        self._thread.start()
        self._began.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _order(self) -> None:
        dice = random.Random(7)
        for number in count():
            if number >= ORDERS and self._is_over.is_set():
                return
            product, quantity = dice.choice(PRODUCTS), dice.randint(1, 3)
            self._client.update_item(
                TableName=self._table,
                Key={"product_id": {"S": product}},
                UpdateExpression="SET quantity = quantity - :q",
                ConditionExpression="quantity >= :q",
                ExpressionAttributeValues={":q": {"N": str(quantity)}},
            )
            self.taken[product] += quantity
            if number == ORDERS // 10:
                self._began.set()


@pytest.mark.parametrize("mode", ["create", "upsert", "add", "exact"])
def test_no_order_is_lost_while_live_stock_is_seeded(shell: Shell, backstage: Backstage, mode: str) -> None:
    """The balance of every product: what there was, what the report says seeding changed, what orders took."""
    with live_table(backstage, f"live-{mode}") as table:
        rows = "".join(f'{{"product_id": "{one}", "quantity": {500 + n}}}\n' for n, one in enumerate(PRODUCTS))
        line = f"inventory seed - --format jsonl --table {table} --mode {mode} --yes -o json"
        with Customers(backstage.client("dynamodb"), table) as customers:
            done = shell.run(line, stdin=rows, expect=None)
        report = done.json
        assert done.code == (6 if report["counts"]["failed"] else 0)
        assert sum(report["counts"].values()) == len(PRODUCTS)
        change: Counter[str] = Counter()
        for row in report["changed"]:
            change[row["product_id"]] = row["quantity"] - row["was"]["quantity"]
        assert quantities(shell, table) == {one: 1000 + change[one] - customers.taken[one] for one in PRODUCTS}
        assert report["counts"]["changed" if mode != "create" else "kept"] > 0
        if mode == "exact":
            shown = dict(re.findall(r"^~ (p\d\d): (\d+) ->", done.err, re.MULTILINE))
            assert all(str(row["was"]["quantity"]) == shown[row["product_id"]] for row in report["changed"])
            assert {row["reason"] for row in report["failed"]} <= {"changed since the difference was shown"}


def test_new_rows_are_created_in_batches_beside_live_stock_and_once(shell: Shell, backstage: Backstage) -> None:
    """The embedded stack takes PartiQL INSERTs; what they write is, item by item, what single puts write."""
    made = [{"product_id": f"new-{n:03}", "quantity": 10**37 + n, "price": n + 0.25} for n in range(200)]
    sets = [{**row, "tags": {"$dynamodb": {"SS": ["a", "b"]}}, "raw": {"$dynamodb": {"B": "AP8="}}} for row in made]
    there = [{"product_id": one, "quantity": 500} for one in PRODUCTS]
    text = "".join(json.dumps(row) + "\n" for row in (*sets[:100], *there, *sets[100:]))
    with live_table(backstage, "batched") as table:
        with Customers(backstage.client("dynamodb"), table) as customers:
            done = shell.run(f"inventory seed - --format jsonl --table {table} --debug -o json", stdin=text)
        assert done.json["counts"] == {"created": 200, "kept": 40, "changed": 0, "unchanged": 0, "failed": 0}
        assert done.err.count("BatchExecuteStatement") > 8
        assert done.err.count("PutItem") < 40
        left = {one: 1000 - customers.taken[one] for one in PRODUCTS}
        assert quantities(shell, table) == {**left, **{str(row["product_id"]): row["quantity"] for row in made}}
        item = {**sets[7], "product_id": "single"}
        shell.run(f"inventory seed - --format jsonl --table {table}", stdin=json.dumps(item))
        batched, single = (
            backstage.client("dynamodb").get_item(TableName=table, Key={"product_id": {"S": key}})["Item"]
            for key in ("new-007", "single")
        )
        assert batched == {**single, "product_id": {"S": "new-007"}}


def test_an_import_makes_a_new_table_that_exports_the_file_byte_for_byte(shell: Shell, backstage: Backstage) -> None:
    note = 'caf\u00e9, \u2028 and "quotes"'
    rows = [{"product_id": f"p-{n:04}", "quantity": n, "note": note, "price": n + 0.5} for n in range(300)]
    text = "".join(json.dumps(row, ensure_ascii=False).replace("\u2028", "\\u2028") + "\n" for row in rows)
    line = "inventory seed - --format jsonl --via-import --table imported"
    done = shell.run(f"{line} -o json", stdin=text)
    assert (done.json["status"], done.json["imported"], done.json["errors"]) == ("COMPLETED", 300, 0)
    assert shell.run("inventory export - --table imported").out == text
    again = shell.run(f"{line} -o json", stdin=text)
    assert again.json["import_arn"] == done.json["import_arn"]
    other = shell.run(line, stdin=text.replace("p-0000", "p-9999"), expect=5)
    assert "table imported exists, but an import only makes a new one" in other.err
    objects = backstage.client("s3").list_objects_v2(
        Bucket="orderctl-artifacts-000000000000-us-east-1", Prefix="orderctl-import/"
    )
    assert objects["KeyCount"] == 0


def test_a_seeded_export_exports_the_same_bytes(shell: Shell) -> None:
    rows = '{"product_id": "a,b", "quantity": 1, "tags": ["x"]}\n{"product_id": "z", "quantity": 0, "color": "red"}\n'
    shell.run("inventory seed - --format jsonl --via-import --table first", stdin=rows)
    exported = shell.run("inventory export - --format csv --table first").out
    shell.run("inventory seed - --format csv --via-import --table second", stdin=exported)
    assert shell.run("inventory export - --format csv --table second").out == exported
    assert shell.run("inventory export - --table second").out == rows


def test_a_bad_file_writes_nothing_and_a_missing_table_is_3(shell: Shell) -> None:
    before = shell.run("inventory export -").out
    bad = "product_id,quantity\nnew-1,1\nnew-2,-1\nnew-1,2\n"
    done = shell.run("inventory seed - --format csv", stdin=bad, expect=2)
    assert "<stdin>:3: quantity is -1" in done.err
    assert "<stdin>:4: product_id 'new-1' stands on line 2 already" in done.err
    assert shell.run("inventory export -").out == before
    shell.run("inventory seed - --format csv --table nowhere", stdin="product_id,quantity\na,1\n", expect=3)
    shell.run("inventory adjust never-was --by 1", expect=3)


def test_an_adjustment_never_goes_below_zero_and_counts_once(shell: Shell) -> None:
    shell.run("inventory seed - --format jsonl", stdin='{"product_id": "adjusted", "quantity": 3}\n')
    shell.run("inventory adjust adjusted --by -4", expect=5)
    for _ in range(2):
        shell.run("inventory adjust adjusted --by -2 --adjustment-id stocktaking")
    assert shell.run("inventory get adjusted -o json").json["quantity"] == 1
    lowest = shell.run("inventory list --max 2 --below 2").out.splitlines()
    assert lowest == sorted(lowest, key=lambda row: int(row.split("\t")[1]))
