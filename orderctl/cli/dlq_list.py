"""`orderctl dlq list`: the queues that catch failures, and what feeds them."""

from __future__ import annotations

from typing import Annotated

import typer

from orderctl.cli import dlq_options as options
from orderctl.cli.framework import app_of

QUEUE_COLUMNS = ("name", "kinds", "depth", "in_flight", "oldest_age_seconds", "sources", "route")
QUEUE_TABLE = ("name", "kinds", "depth", "in_flight", "oldest_age_seconds")


def list_queues(
    ctx: typer.Context,
    queue: options.Queues = None,
    everything: Annotated[bool, typer.Option("--all", help="Also queues outside the environment's stack.")] = False,
) -> None:
    """Every dead-letter and on-failure queue that the environment's own wiring names, and what feeds it.

    Example: orderctl dlq list --output json
    """
    from orderctl.dlq.overview import overview

    cli = app_of(ctx)
    wiring = cli.wiring([cli.queues.describe(each) for each in queue or ()])
    within = None if everything else options.within(cli)
    found, notes = overview(cli.queues, wiring, cli.queue_ages, named=queue or (), within=within)
    cli.renderer.rows(QUEUE_COLUMNS, found, table=QUEUE_TABLE)
    for note in (*wiring.notes, *notes):
        cli.renderer.warn(note)
