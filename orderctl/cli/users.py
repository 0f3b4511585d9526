"""`orderctl users`: users, created and read through the API's front door."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from orderctl.cli.framework import app_of, noun, verb
from orderctl.errors import PartlyDoneError, UsageError

if TYPE_CHECKING:
    from orderctl.context import App
    from orderctl.users.models import RowOutcome, RowReport, User
    from orderctl.users.service import Users

app = noun("users", "Create and read users through the API.")

COLUMNS = ("user_id", "email", "name")
REPORT = ("line", "user_id", "outcome", "message")
Confirm = Annotated[str | None, typer.Option("--confirm", metavar="ENV", help="Name a protected environment.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything; send nothing.")]


@verb(app, "create")
def create(
    ctx: typer.Context,
    user_id: Annotated[str | None, typer.Option(metavar="ID", help="The new user's id.")] = None,
    email: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Email address.")] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Full name.")] = None,
    sets: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Another field.")] = None,
    file: Annotated[str | None, typer.Option(metavar="FILE", help="A JSON object; - is stdin. Options win.")] = None,
    confirm: Confirm = None,
    dry_run: DryRun = False,
) -> None:
    """Create one user; one that exists is a conflict (exit 5) and is left as it is.

    Example: orderctl users create --user-id u-1 --email ada@example.com --name "Ada Lovelace"
    """
    from orderctl.cli import guard
    from orderctl.users.models import HowCreated

    cli = app_of(ctx)
    user = _user(cli, {"user_id": user_id, "email": email, "name": name}, sets or [], file)
    if dry_run:
        cli.renderer.say(f"would create user {user.user_id}")
        cli.renderer.one(user.as_body(), COLUMNS)
        return
    guard.adding(cli, confirm=confirm)
    created = _users(cli).create(user)
    cli.counts = {"created": 1}  # of the user itself, whose fields may have any name, nothing is counted
    if created.how is HowCreated.FOUND:
        cli.renderer.say("the API's answer was lost; the user is there with the content sent")
    if created.not_kept:
        cli.renderer.warn(f"the API does not store: {', '.join(created.not_kept)}")
    kept = {key: value for key, value in created.user.as_body().items() if key not in created.not_kept}
    cli.renderer.one(kept, COLUMNS if cli.renderer.format in ("tsv", "csv") else None)


@verb(app, "get")
def get(ctx: typer.Context, user_id: Annotated[str, typer.Argument(metavar="USER_ID", help="The user.")]) -> None:
    """One user, as the API tells it.

    Example: orderctl users get u-1 --output json
    """
    cli = app_of(ctx)
    user = _users(cli).get(user_id)
    cli.renderer.one(user.as_body(), COLUMNS if cli.renderer.format in ("tsv", "csv") else None)


@verb(app, "import")
def import_users(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="CSV, JSON or JSON Lines; - is stdin.")],
    fmt: Annotated[
        Literal["csv", "json", "jsonl"] | None,
        typer.Option("--format", help="Instead of telling it by the file's name."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=32, help="Most requests at a time.")] = 8,
    confirm: Confirm = None,
    dry_run: DryRun = False,
) -> None:
    """Create every user of a file; checked whole first, and run again it goes on where it stopped.

    Example: orderctl users import users.csv --output jsonl
    """
    from orderctl import documents
    from orderctl.cli import guard
    from orderctl.cli.progress import telling
    from orderctl.users.import_file import read_import
    from orderctl.users.importing import Importer
    from orderctl.users.journal import JournalFile
    from orderctl.users.models import SETTLED, RowOutcome

    cli = app_of(ctx)
    form = None if fmt is None else documents.Format(fmt)
    with documents.opened(file, cli.stdin, fmt=form) as source:
        checked = read_import(source)
    if dry_run:
        cli.renderer.say(f"would create {len(checked.rows):,} users")
        return
    guard.adding(cli, confirm=confirm)
    again = cli.command("users", "import", file, *(("--format", fmt) if fmt else ()))
    cli.resume = f"rows that are settled are not sent again: {again}"
    journal = JournalFile(cli.state_dir, checked.digest, cli.resource("users_api_url"))
    counts: Counter[RowOutcome] = Counter()
    importer = Importer(_users(cli, workers), journal, cli.clock, workers=workers)
    reports = telling(cli, importer.run(checked), len(checked.rows), "users")
    cli.renderer.rows(REPORT, _counted(reports, counts))
    cli.renderer.say(", ".join(f"{counts[outcome]:,} {outcome.value}" for outcome in RowOutcome if counts[outcome]))
    missed = sum(number for outcome, number in counts.items() if outcome not in SETTLED)
    if missed:
        raise PartlyDoneError(f"{missed:,} of {len(checked.rows):,} users were not created", hint=cli.resume)


def _counted(reports: Iterator[RowReport], counts: Counter[RowOutcome]) -> Iterator[RowReport]:
    for report in reports:
        counts[report.outcome] += 1
        yield report


def _user(cli: App, options: dict[str, str | None], sets: list[str], file: str | None) -> User:
    """The user that file, `--set` and options describe together; the later ones win."""
    from orderctl import assignments, documents
    from orderctl.users.validation import user_from

    fields: assignments.Json = {}
    if file is not None:
        with documents.opened(file, cli.stdin, fmt=documents.Format.JSON) as source:
            records = [record.values for record in source.records()]
        if len(records) != 1:
            raise UsageError(f"{source.name}: {len(records)} users", hint="for many: orderctl users import FILE")
        fields = dict(records[0])
    fields = assignments.apply(fields, assignments.changes(sets))
    assert isinstance(fields, dict)
    return user_from({**fields, **{key: value for key, value in options.items() if value is not None}})


def _users(cli: App, connections: int = 1) -> Users:
    from orderctl.users.service import Users

    return Users(cli.api("users_api_url", connections=connections), cli.clock)
