"""Source queues that a list of the account's queues does not show, but their dead-letter queue names.

A redrive policy is an attribute of the *source*. One that lies in another account, or that we may not list, is only
seen from the other end: ListDeadLetterSourceQueues of the dead-letter queue names every queue whose policy leads
there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from orderctl.dlq.models import Kind, Queue, Wire
from orderctl.dlq.ports import Queues
from orderctl.errors import OrderctlError

AT_ONCE = 8


def unlisted_sources(queues: Queues, dead: Sequence[Queue], known: Mapping[str, Queue]) -> Iterator[Wire]:
    """A wire for each source of the queues `dead`; `known` are the queues that were listed, by URL.

    Nothing where the service has no such operation; raises what SQS raises, after everything it told.
    """
    if not dead:
        return
    first, *rest = dead
    answered = [(first, queues.sources_of(first))]
    if answered[0][1] is None:
        return
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="sources") as threads:
        answered += zip(rest, threads.map(queues.sources_of, rest), strict=True)
    for queue, urls in answered:
        for url in urls or ():
            source = known[url].arn if url in known else _arn(queues, url, queue)
            yield Wire(Kind.SQS, queue.arn, source=source, consumer=source)


def _arn(queues: Queues, url: str, dead: Queue) -> str:
    """SQS's word, else what the URL says: account and name, in the Region both have to lie in."""
    try:
        return queues.describe(url).arn
    except OrderctlError:
        *_, account, name = urlsplit(url).path.strip("/").split("/")
        _, partition, _, region, *_ = dead.arn.split(":")
        return f"arn:{partition}:sqs:{region}:{account}:{name}"
