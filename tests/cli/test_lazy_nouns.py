"""Nouns of many verbs: what their help says without loading a verb is what the verbs say themselves."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

from orderctl.cli import dlq, orders

NOUNS = {"orders": orders.VERBS, "dlq": dlq.VERBS}
CASES = [(noun, verb) for noun, verbs in NOUNS.items() for verb in verbs]


@pytest.mark.parametrize(("noun", "verb"), CASES)
def test_the_help_of_the_noun_tells_what_the_verb_tells_itself(noun: str, verb: str) -> None:
    module, function, text = NOUNS[noun][verb]
    told = getattr(import_module(f"orderctl.cli.{module}"), function).__doc__
    assert text == " ".join(told.split("\n\n")[0].split())


@pytest.mark.parametrize("noun", NOUNS)
def test_the_help_of_the_noun_names_every_verb_and_loads_none(noun: str) -> None:
    program = (
        f"import sys; sys.argv = ['orderctl', {noun!r}, '--help']\n"
        "from orderctl.__main__ import run\n"
        "try: run()\n"
        "finally: sys.stderr.write('\\n'.join(name for name in sys.modules if name.startswith('orderctl.')))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert all(f"\n  {name} " in done.stdout for name in NOUNS[noun])
    assert not [name for name in done.stderr.split() if f".{noun}_" in name or name.startswith(f"orderctl.{noun}")]
