"""`orderctl help`: topics that are no command's own."""

from __future__ import annotations

import typer

from orderctl.cli.framework import app_of, noun, verb
from orderctl.errors import EXIT_CODES

app = noun("help", "Exit codes and output formats.")

OUTPUT = """\
-o, --output FORMAT   before or after the command; or ORDERCTL_OUTPUT
  table   for people: the default on a terminal
  tsv     one line an item, every cell whole, no header: the default in a pipe
  csv     the same with a header line
  json    one document: an object for one thing, a list for many
  jsonl   one object a line, written as it happens

--query JMESPATH picks from the JSON, as in the AWS CLI.
Times are ISO 8601 in UTC everywhere but in a table on a terminal.
stdout carries data only; progress, plans, warnings and errors go to stderr.
With json or jsonl an error is one JSON object on stderr: code, message, hint, exit_code, aws.
Colour: --color, NO_COLOR, FORCE_COLOR, CLICOLOR, CLICOLOR_FORCE, TERM=dumb. Nothing is ever paged."""


@verb(app, "exit-codes")
def exit_codes(ctx: typer.Context) -> None:
    """What each exit code means to a script."""
    rows = [{"exit_code": code, "meaning": meaning} for code, meaning in EXIT_CODES.items()]
    app_of(ctx).renderer.rows(("exit_code", "meaning"), rows)


@verb(app, "output")
def output(ctx: typer.Context) -> None:
    """Formats, streams and colour."""
    app_of(ctx).renderer.body(OUTPUT)
