"""A bad night, as a snapshot: the tests of the screen and of what can be chosen on it."""

from __future__ import annotations

from datetime import timedelta

from orderctl.top.models import Alarm, DeadLetterQueue, ExecutionCounts, FailureCount, LowStock, RunningOrder, Snapshot
from tests.fakes.clock import START

NIGHT = Snapshot(
    taken_at=START,
    environment="prod",
    window_seconds=3600,
    executions=ExecutionCounts(
        {"RUNNING": 3, "SUCCEEDED": 1240, "FAILED": 41, "TIMED_OUT": 2},
        started=(60, 62, 64, 61, 70, 66, 64, 62, 64, 60, 66, 61, 68, 64, 66, 60, 61, 62, 64, 41),
        failed=(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 5, 9, 12, 8, 4, 2),
    ),
    failures=(
        FailureCount("OutOfStock", 33, "01JD8Z7Q", START - timedelta(seconds=40)),
        FailureCount("DynamoDb.TransactionCanceledException", 8, "01JD8Z6A", START - timedelta(minutes=12)),
        FailureCount("States.Timeout", 2, "01JD8Y11", START - timedelta(minutes=31)),
    ),
    running=(
        RunningOrder("01JD8X00-waits-since-midnight", START - timedelta(hours=3)),
        RunningOrder("01JD8ZAA", START - timedelta(seconds=2)),
        RunningOrder("01JD8ZAB", START - timedelta(seconds=1)),
    ),
    dead_letter_queues=(
        DeadLetterQueue("orders-prod-order-failures", 1412, 10, 7500, (0, 0, 2, 9, 40, 118, 300, 544, 800, 1100, 1412)),
        DeadLetterQueue("orders-prod-analytics-dlq.fifo", 12, 0, 86400, (40, 31, 25, 12)),
        DeadLetterQueue("orders-prod-email-failures", 3, 0, None, (3, 3, 3)),
        *(DeadLetterQueue(f"orders-prod-{name}", 0, 0, None, (0,)) for name in ("notifications-dlq", "process-dlq")),
    ),
    low_stock=(LowStock("sold-out", 0), LowStock("widget-2", 1), LowStock("widget-9", 7)),
    alarms=(
        Alarm("orders-prod-OrderFailuresAlarm-1A2B3C", "ALARM", START - timedelta(minutes=50), "1 datapoint >= 1.0"),
        Alarm("orders-prod-FailedExecutionsAlarm-4D5E6F", "ALARM", START - timedelta(minutes=9), "41 >= 5"),
    ),
    notes=("stock: table inventory: not authorized (dynamodb Scan: AccessDeniedException)",),
)
QUIET = Snapshot(taken_at=START, environment="prod", window_seconds=3600, missing=("alarms",))
