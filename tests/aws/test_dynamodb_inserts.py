"""Batches of INSERTs at the wire: real clients, a table that behaves, and every way in which it may not."""

from __future__ import annotations

import base64
import random
import threading
from collections import Counter
from decimal import Decimal

import pytest
from botocore.config import Config

from orderctl.assignments import Json
from orderctl.aws.dynamodb import DynamoDbStock
from orderctl.errors import AuthError, FailedError, NoConnectionError, OrderctlError, ThrottledError, UnreachableError
from orderctl.inventory import seed as seeds
from orderctl.inventory.models import Line, Mode, Odd, Result, Seeded, Stock, Written
from orderctl.pool import Pool
from tests.fakes.aws_wire import FakeAws
from tests.fakes.clock import FakeClock
from tests.fakes.dynamodb import FakeDynamoDb
from tests.fakes.sqs.effects import access_denied, before, reply_lost, server_error, throttle
from tests.fakes.sqs.errors import AwsError

BATCH, PUT = "BatchExecuteStatement", "PutItem"
EMULATOR = "http://127.0.0.1:1"
PERHAPS = "exists already, perhaps written by this very run: it was sent again after no clear answer"


class Place:
    """A table, the account it is in, and the adapter that speaks to it."""

    def __init__(self, *, attempts: int = 1, endpoint: str | None = None, table: str = "inventory") -> None:
        self.aws, self.table = FakeAws(), FakeDynamoDb()
        self.aws.services["dynamodb"] = self.table
        config = Config(retries={"mode": "standard", "total_max_attempts": attempts})
        client = self.aws.session().client("dynamodb", endpoint_url=endpoint, config=config)
        self.stock = DynamoDbStock(client, table, once=client, sleep=lambda seconds: None)

    def there(self, *rows: Stock) -> None:
        """Rows that somebody else wrote before."""
        for row in rows:
            self.table.items[row.product_id] = {
                "product_id": {"S": row.product_id},
                "quantity": {"N": str(row.quantity)},
                **{name: {"S": value} for name, value in row.attributes.items() if isinstance(value, str)},
            }

    def create(self, *rows: Stock) -> list[Written | OrderctlError]:
        return list(self.stock.create_many(rows))

    def seed(self, *rows: Stock, patience: float = 1e9) -> list[Seeded]:
        pool = Pool(FakeClock(), workers=8, patience=patience, dice=random.Random(1))
        lines = [Line(number, row) for number, row in enumerate(rows, 2)]
        return sorted(seeds.seed(self.stock, Mode.CREATE, lines, pool), key=lambda one: one.line)


def some(count: int, quantity: int = 7) -> list[Stock]:
    return [Stock(f"p{number}", quantity) for number in range(count)]


# --- what a batch says, row by row ------------------------------------------------------------------------------


def test_a_batch_creates_what_is_not_there_and_tells_what_is() -> None:
    place = Place()
    place.there(Stock("p1", 3, {"color": "red"}))
    place.table.items["p2"] = {"product_id": {"S": "p2"}, "quantity": {"S": "many"}}
    assert place.create(*some(4)) == [
        Written(True, None),
        Written(False, Stock("p1", 3, {"color": "red"})),
        Written(False, Odd("p2", "quantity is no whole number", {"quantity": "many"})),
        Written(True, None),
    ]
    assert place.table.writes == {"p0": 1, "p3": 1}
    assert (place.aws.count(BATCH), place.aws.count("BatchGetItem"), place.aws.count(PUT)) == (1, 1, 0)


def test_a_row_that_went_between_the_refusal_and_the_reading_is_created() -> None:
    place = Place()
    place.there(Stock("p1", 3))
    place.table.refuse = lambda key: str(place.table.items.pop(key) and "DuplicateItem") if key == "p1" else None
    assert place.create(*some(2)) == [Written(True, None)] * 2
    assert place.stock.at_once == 25


def test_rows_whose_reading_is_not_allowed_are_told_by_the_put() -> None:
    place = Place()
    place.there(*some(2, 3))
    place.aws.faults.on("BatchGetItem", access_denied())
    assert place.create(*some(2)) == [Written(False, one) for one in some(2, 3)]


VALUES: list[Json] = [
    "",
    '\'; DELETE FROM "inventory"',
    10**37 + 1,
    Decimal("-0." + "0" * 90 + "1234567890123456789012345678901234567"),
    True,
    None,
    [1, ["a", {}]],
    {"a": {"b'?": [None]}},
    {"$dynamodb": {"SS": ["a", "b"]}},
    {"$dynamodb": {"NS": [1, Decimal("2.5")]}},
    {"$dynamodb": {"B": base64.b64encode(b"\x00\xff").decode()}},
    {"$dynamodb": {"BS": [base64.b64encode(b"a").decode()]}},
    {"$dynamodb": {"M": {"$dynamodb": 1}}},
]


def test_an_insert_writes_every_kind_of_value_as_a_put_does() -> None:
    rows = [Stock(f"p'{number}", 38 * (number + 1), {"value": value}) for number, value in enumerate(VALUES)]
    batched, put = Place(), Place()
    assert batched.create(*rows) == [Written(True, None)] * len(rows)
    for row in rows:
        put.stock.create(row)
    assert batched.table.items == put.table.items
    assert (batched.aws.count(BATCH), batched.aws.count(PUT)) == (1, 0)


@pytest.mark.parametrize(
    "attributes",
    [
        {"it's": 1},
        {"a': ?, 'quantity": 1},
        {"?": 1},
        {"a b": 1},
        {"größe": 1},
        {"$dynamodb": {"SS": ["a"]}, "a": 1},
        {f"{'long' * 20}{number}": number for number in range(100)},
    ],
)
def test_names_that_are_no_plain_words_never_stand_in_a_statement(attributes: dict[str, Json]) -> None:
    place = Place()
    rows = [Stock("odd", 1, attributes), *some(2)]
    assert place.create(*rows) == [Written(True, None)] * 3
    assert set(place.table.items["odd"]) == {"product_id", "quantity", *attributes}
    assert (place.aws.count(PUT), place.aws.count(BATCH), place.stock.at_once) == (1, 1, 25)


# --- where the answer is lost -----------------------------------------------------------------------------------


def test_a_lost_answer_is_asked_for_again_and_nothing_is_claimed_that_nobody_knows() -> None:
    place = Place(attempts=3)
    place.there(Stock("p1", 7), Stock("p2", 3, {"color": "red"}))
    place.aws.faults.on(BATCH, reply_lost(), nth=1)
    outcomes = place.seed(*some(4))
    assert [(one.result, one.quantity, one.reason) for one in outcomes] == [
        (Result.KEPT, 7, PERHAPS),
        (Result.KEPT, 7, PERHAPS),
        (Result.KEPT, 3, "exists already"),
        (Result.KEPT, 7, PERHAPS),
    ]
    assert place.table.writes == {"p0": 1, "p3": 1}


def test_a_lost_answer_after_which_an_order_took_stock_is_told_with_what_is_left() -> None:
    place = Place(attempts=3)
    place.aws.faults.on(BATCH, reply_lost(), nth=1)
    place.table.refuse = lambda key: (
        place.table.items[key].update(quantity={"N": "2"}) if key in place.table.items else None
    )
    assert [(one.quantity, one.reason) for one in place.seed(*some(2))] == [(2, PERHAPS)] * 2
    assert place.table.writes == {"p0": 1, "p1": 1}


def test_a_put_whose_answer_was_lost_is_told_the_same_way() -> None:
    place = Place(attempts=3)
    place.aws.faults.on(PUT, reply_lost(), nth=1)
    assert place.seed(*some(1)) == [Seeded(Result.KEPT, "p0", 2, 7, some(1)[0].document(), PERHAPS)]


@pytest.mark.parametrize(
    ("fault", "kind"), [(reply_lost(), UnreachableError), (before(), NoConnectionError)], ids=["lost", "refused"]
)
def test_without_any_answer_every_row_failed(fault: object, kind: type[OrderctlError]) -> None:
    place = Place()
    place.aws.faults.on(BATCH, fault)  # type: ignore[arg-type]
    answers = place.create(*some(3))
    assert [type(one) for one in answers] == [kind] * 3
    assert place.aws.count(PUT) == 0
    assert place.stock.at_once == 25


def test_an_answer_lost_before_a_throttle_is_remembered_over_the_next_try() -> None:
    place = Place()
    place.aws.faults.on(BATCH, throttle(), nth=1)
    assert [type(one) for one in place.create(*some(2))] == [ThrottledError] * 2
    place.there(*some(2))
    assert place.create(*some(2)) == [Written(False, one, True) for one in some(2)]
    assert place.create(*some(2)) == [Written(False, one) for one in some(2)]


def test_an_answer_lost_before_a_throttled_statement_is_remembered_too() -> None:
    place = Place(attempts=2)
    place.aws.faults.on(BATCH, reply_lost(), nth=1)
    place.table.refuse = lambda key: "ThrottlingError" if place.aws.count(BATCH) == 2 else None
    assert [one.reason for one in place.seed(*some(2))] == [PERHAPS] * 2
    assert (place.aws.count(BATCH), place.table.writes) == (3, {"p0": 1, "p1": 1})


def test_a_statement_that_failed_at_aws_may_have_been_written() -> None:
    place = Place()
    place.there(*some(1))
    place.table.refuse = lambda key: "InternalServerError" if key == "p0" else None
    assert place.create(*some(2)) == [Written(False, some(1)[0], True), Written(True, None)]
    assert place.stock.at_once == 25


# --- throttling -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["ThrottlingError", "ProvisionedThroughputExceeded", "RequestLimitExceeded"])
def test_a_throttled_statement_alone_is_tried_again(code: str) -> None:
    place = Place()
    sent: Counter[str] = Counter()

    def once(key: str) -> str | None:
        sent[key] += 1
        return code if key in ("p3", "p7") and sent[key] == 1 else None

    place.table.refuse = once
    assert {one.result for one in place.seed(*some(10))} == {Result.CREATED}
    assert sent == {**{f"p{n}": 1 for n in range(10)}, "p3": 2, "p7": 2}
    assert place.aws.count(PUT) == 0


def test_throttled_rows_of_a_batch_narrow_the_pool_and_fail_when_the_patience_ends() -> None:
    place = Place()
    place.table.refuse = lambda key: "ThrottlingError" if key in ("p1", "p3") else None
    pool = Pool(FakeClock(), workers=8, patience=60, dice=random.Random(1))
    lines = [Line(number, row) for number, row in enumerate(some(4))]
    outcomes = {one.product_id: one for one in seeds.seed(place.stock, Mode.CREATE, lines, pool)}
    failed = {key for key, one in outcomes.items() if one.result is Result.FAILED}
    assert (failed, len(outcomes)) == ({"p1", "p3"}, 4)
    assert outcomes["p3"].reason == "table inventory, product p3: refused: ThrottlingError"
    assert pool.width.now == 1
    assert place.table.writes == {"p0": 1, "p2": 1}


# --- where a batch is not understood ----------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["AccessDenied", "ValidationError", "ResourceNotFound", "SomethingNew"])
def test_a_refused_statement_is_put_and_later_rows_are_too(code: str) -> None:
    place = Place()
    place.there(Stock("p1", 3))
    place.table.refuse = lambda key: code
    answers = place.create(*some(3))
    assert answers == [Written(True, None), Written(False, Stock("p1", 3)), Written(True, None)]
    assert (place.stock.at_once, place.stock.slow_because) == (1, f"refused: {code}")
    place.create(Stock("x", 1), Stock("y", 1))
    assert (place.aws.count(BATCH), place.aws.count(PUT)) == (1, 5)


@pytest.mark.parametrize(
    "fault",
    [access_denied(), before(AwsError("UnknownOperationException", "no such operation")), server_error()],
    ids=["denied", "unknown", "broken"],
)
def test_an_endpoint_without_batches_is_written_to_row_by_row(fault: object) -> None:
    place = Place()
    place.aws.faults.on(BATCH, fault)  # type: ignore[arg-type]
    assert {one.result for one in place.seed(*some(60))} == {Result.CREATED}
    assert place.table.writes == {f"p{n}": 1 for n in range(60)}
    assert place.aws.count(BATCH) <= 4
    assert place.stock.at_once == 1


def test_an_answer_of_another_length_is_believed_in_nothing() -> None:
    place = Place()
    place.there(Stock("p1", 3))
    place.table._BatchExecuteStatement = lambda params: {"Responses": [{}]}  # type: ignore[method-assign]
    assert place.create(*some(2)) == [Written(True, None), Written(False, Stock("p1", 3), True)]
    assert place.stock.at_once == 1


def test_a_row_that_neither_way_takes_says_nothing_against_batches() -> None:
    place = Place()
    place.table.refuse = lambda key: "ValidationError" if key == "p1" else None
    place.table.refuse_put = lambda key: AwsError("ValidationException", "too deep")
    answers = place.create(*some(3))
    assert isinstance(answers[1], FailedError)
    assert (answers[0], answers[2], place.stock.at_once) == (Written(True, None), Written(True, None), 25)


def test_missing_permission_for_both_asks_for_one_put() -> None:
    place = Place()
    place.table.refuse = lambda key: "AccessDenied"
    place.table.refuse_put = lambda key: AwsError("AccessDeniedException", "not authorized")
    assert [type(one) for one in place.create(*some(25))] == [AuthError] * 25
    assert place.aws.count(PUT) == 1


def test_a_table_named_by_its_arn_is_written_to_row_by_row() -> None:
    place = Place(table="arn:aws:dynamodb:eu-west-1:123456789012:table/inventory")
    assert place.create(*some(2)) == [Written(True, None)] * 2
    assert place.aws.count(BATCH) == 0


# --- what is not AWS --------------------------------------------------------------------------------------------


def test_another_endpoint_has_to_show_that_it_refuses_what_exists() -> None:
    place = Place(endpoint=EMULATOR)
    place.there(Stock("p0", 3))
    assert place.stock.at_once == 1
    assert place.create(*some(2)) == [Written(False, Stock("p0", 3)), Written(True, None)]
    assert [len(call["Statements"]) for call in place.aws.calls_of(BATCH)] == [1]
    assert place.stock.at_once == 25
    assert {one.result for one in place.seed(*some(60))} == {Result.CREATED, Result.KEPT}
    assert set(place.table.writes.values()) == {1}


@pytest.mark.parametrize("refusal", [None, "ValidationError"])
def test_an_endpoint_that_overwrites_or_refuses_everything_gets_no_batch(refusal: str | None) -> None:
    place = Place(endpoint=EMULATOR)
    place.table.overwrites, place.table.refuse = True, lambda key: refusal
    place.there(*some(30, 3))
    outcomes = place.seed(*some(60))
    assert Counter(one.result for one in outcomes) == {Result.CREATED: 30, Result.KEPT: 30}
    assert all(place.table.items[f"p{n}"]["quantity"] == {"N": "3"} for n in range(30))
    assert [len(call["Statements"]) for call in place.aws.calls_of(BATCH)] == [1]
    assert place.stock.slow_because is None


def test_what_a_probe_did_not_tell_is_asked_again() -> None:
    place = Place(endpoint=EMULATOR)
    place.aws.faults.on(BATCH, throttle(), nth=1)
    place.create(*some(1))
    assert place.stock.at_once == 1
    place.create(Stock("x", 1))
    assert place.stock.at_once == 25


# --- a whole seed -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("endpoint", [None, EMULATOR])
def test_ten_thousand_rows_with_a_fifth_of_all_going_wrong_are_each_written_once(endpoint: str | None) -> None:
    """Throttled statements, throttled batches, broken statements, lost answers."""
    place = Place(endpoint=endpoint)
    dice = random.Random(3)
    codes = ("ThrottlingError", "ProvisionedThroughputExceeded", "InternalServerError", "TransactionConflict")
    place.table.refuse = lambda key: dice.choice(codes) if dice.random() < 0.2 else None
    place.aws.faults.on(BATCH, throttle(), rate=0.1)
    place.aws.faults.on(BATCH, reply_lost(), rate=0.1, start=2)
    place.aws.faults.on(PUT, throttle(), rate=0.1)
    there = some(500, 3)
    place.there(*there)
    rows = some(10_000)
    first = place.seed(*rows)
    lost = [one for one in first if one.result is Result.FAILED]
    place.aws.faults.clear()
    again = place.seed(*(row for row in rows if row.product_id in {one.product_id for one in lost}))
    assert len(place.table.items) == 10_000
    assert place.table.writes == {row.product_id: 1 for row in rows[500:]}
    assert {one.result for one in again} <= {Result.CREATED, Result.KEPT}
    by_id = {one.product_id: one for one in first}
    assert all(by_id[row.product_id].result is not Result.CREATED for row in there)
    assert all(by_id[row.product_id].quantity in (3, None) for row in there)
    kept = {one.product_id: one for one in first if one.result is Result.KEPT}
    assert all(one.reason == PERHAPS for key, one in kept.items() if key not in {row.product_id for row in there})
    assert place.aws.count(BATCH) < 3_000


def test_no_order_taken_while_rows_are_created_is_lost() -> None:
    """The balance of a thousand orders, taken from rows that were there and from rows just created."""
    place = Place(attempts=2)
    rows = some(400, 1_000)
    place.there(*(Stock(row.product_id, 50) for row in rows[::2]))
    place.table.refuse = (lambda dice: lambda key: "ThrottlingError" if dice.random() < 0.2 else None)(random.Random(2))
    place.aws.faults.on(BATCH, reply_lost(), nth=(2, 9))
    taken: Counter[str] = Counter()
    is_over = threading.Event()

    def order() -> None:
        dice = random.Random(7)
        while sum(taken.values()) < 1_000 or not is_over.is_set():
            key = f"p{dice.randrange(400)}"
            taken[key] += place.table.take(key, 1)

    orders = threading.Thread(target=order)
    orders.start()
    try:
        outcomes = place.seed(*rows)
    finally:
        is_over.set()
        orders.join()
    began = {row.product_id: 50 if number % 2 == 0 else 1_000 for number, row in enumerate(rows)}
    left = {key: int(item["quantity"]["N"]) for key, item in place.table.items.items()}
    assert left == {key: began[key] - taken[key] for key in began}
    assert {one.result for one in outcomes} <= {Result.CREATED, Result.KEPT}
    assert all(began[one.product_id] == 1_000 for one in outcomes if one.result is Result.CREATED)
