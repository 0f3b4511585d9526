"""A stateful SQS for tests: what the real one does under a clock, with the recorded errors.

`server.py` is the front; `queue.py` and `fifo.py` hold the rules of the two queue types, `redrive.py` dead-lettering,
`move_task.py` the native move tasks, `checks.py` what a request is refused for, `ledger.py` what was lost or doubled,
`faults.py` what goes wrong on the way. The wire in front of it is `tests/fakes/aws_wire.py`.
"""

from __future__ import annotations

from tests.fakes.sqs.errors import AwsError
from tests.fakes.sqs.ledger import Ledger, marker
from tests.fakes.sqs.queue import Queue
from tests.fakes.sqs.server import SqsServer

__all__ = ["AwsError", "Ledger", "Queue", "SqsServer", "marker"]
