"""`orderctl dlq`: find, inspect and redrive dead letters."""

from __future__ import annotations

from orderctl.cli.framework import LazyNoun, LazyVerb

HELP = "Find, inspect and redrive dead letters."
VERBS: dict[str, LazyVerb] = {
    "list": (
        "dlq_list",
        "list_queues",
        "Every dead-letter and on-failure queue that the environment's own wiring names, and what feeds it.",
    ),
    "inspect": (
        "dlq_inspect",
        "inspect_letters",
        "Look at dead letters without consuming them: what failed, why, how often, whose.",
    ),
    "redrive": (
        "dlq_redrive",
        "redrive_letters",
        "Put every letter back to the one consumer that missed it, and delete only what was acknowledged.",
    ),
    "tasks": (
        "dlq_tasks",
        "tasks",
        "SQS's message move tasks of dead-letter queues that other queues feed; a cancelled one moves on for a while.",
    ),
    "export": (
        "dlq_export",
        "export_letters",
        "Write letters as JSON Lines that 'dlq restore' puts back byte for byte; the queue keeps them.",
    ),
    "restore": (
        "dlq_export",
        "restore_letters",
        "Put exported, purged or redriven letters back into the queue they lay in, each once however often it is run.",
    ),
    "purge": (
        "dlq_purge",
        "purge_letters",
        "Delete letters for good, each only after it was written to a file that 'dlq restore' puts back.",
    ),
}


def single() -> LazyNoun:
    """The noun as the root takes it."""
    return LazyNoun("dlq", HELP, VERBS)
