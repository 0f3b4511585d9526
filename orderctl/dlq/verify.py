"""After a redrive: which of the delivered letters lie in the queue again.

A letter that failed again is a new message, known by the id its delivery was answered with: as its message id
(SQS), as the request id in it (Lambda), or where a service writes neither by its payload. Absence proves less: a
consumer may still be at it.
"""

from __future__ import annotations

from orderctl.clock import Clock
from orderctl.dlq.look import Glance, look
from orderctl.dlq.models import Queue, Wiring
from orderctl.dlq.ports import Queues
from orderctl.dlq.selection import Selection
from orderctl.dlq.tally import Tally

LIMIT = 10_000


def find_returned(queues: Queues, queue: Queue, wiring: Wiring, tally: Tally, clock: Clock) -> dict[str, str]:
    """Message id of the delivered letter to what it came back as; the look gives everything back."""
    from orderctl.dlq.shapes import read_shapes

    found: dict[str, str] = {}
    for letter in look(queues, queue, wiring, clock, selection=Selection(), limit=LIMIT, glance=Glance()):
        message = letter.message
        requests = [shape.failure.request_id for shape in read_shapes(message)]
        origins = [tally.became.get(known or "") for known in (message.message_id, *requests)]
        origin = next((each for each in origins if each), tally.payloads.get(letter.digest or ""))
        if origin is not None and origin != message.message_id:
            found[origin] = f"failed again as message {message.message_id}"
    return found
