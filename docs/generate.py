"""`make docs`: writes the pages that follow from the code, so that they cannot say anything else.

Every command with its options, from the typer app itself, as a page and as manual pages (`manual.py`); the exit
codes, from the table of errors; the configuration's keys, from its schema. What is written depends on the code
alone: not on the terminal's width, the environment or the time. A test holds the pages against this program.
"""

from __future__ import annotations

import io
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orderctl.cli.framework import Root
from orderctl.cli.main import NOUNS
from orderctl.config.schema import KEYS, KIND_WORDS, Key
from orderctl.context import App
from orderctl.errors import EXIT_CODES

if TYPE_CHECKING:
    from typer._click import Command, Context, Parameter

FOLDER = Path(__file__).parent
NOTICE = "<!-- Written by docs/generate.py from the code; `make docs` writes it anew. -->"
COMMON_NOTE = """\
Each command also takes the [common options](#common-options), before or after the noun. What is given last wins.
A value in capitals (`FORMAT`, `ORDER`) stands for your own."""


def pages() -> dict[str, str]:
    """File name to the text it should have."""
    return {
        "commands.md": commands_page(),
        "exit-codes.md": exit_codes_page(),
        "configuration-keys.md": keys_page(),
        "iam.md": runpy.run_path(str(FOLDER / "permissions.py"))["page"](),
        **manual_pages(),
    }


def manual_pages() -> dict[str, str]:
    """`man/orderctl.1`, and one for each noun."""
    root, top = root_context()
    manual: Any = runpy.run_path(str(FOLDER / "manual.py"))
    common = _records(_common(root, top), top)
    nouns = []
    for name, text in NOUNS.items():
        command = root.get_command(top, name)
        if command is not None:
            context = _sub_context(command, name, top)
            entries = [_entry(verb, verb_context) for verb, verb_context in verbs(command, context)]
            nouns.append({"name": name, "help": text, "verbs": entries})
    keys = [(variable, key.help) for key in KEYS for variable in key.variables]
    written: dict[str, str] = manual["pages"](nouns, common, EXIT_CODES, keys)
    return written


def _entry(command: Command, context: Context) -> dict[str, Any]:
    """A verb as a manual page tells of it."""
    prose, example = _help(command)
    own = _own(command, context)
    arguments = [param for param in own if param.param_type_name == "argument"]
    options = [param for param in own if param.param_type_name == "option" and param.name != "help"]
    return {
        "usage": " ".join([context.command_path, *(_argument(param, context) for param in arguments), "[OPTIONS]"]),
        "prose": prose,
        "example": example,
        "params": _records([*arguments, *options], context),
    }


def _records(params: list[Parameter], context: Context) -> list[tuple[str, str]]:
    """Each parameter as it is written, and its help."""
    records = [record for param in params if (record := param.get_help_record(context))]
    return [(" ".join(name.split()), " ".join(text.split())) for name, text in records]


def commands_page() -> str:
    """Every noun and verb: help text, usage, arguments, options, example."""
    root, top = root_context()
    parts = ["# Commands", NOTICE, COMMON_NOTE, *_contents(root, top)]
    parts += ["## Common options", _options(_common(root, top), top)]
    for name in NOUNS:
        command = root.get_command(top, name)
        if command is not None:
            parts += _noun(command, _sub_context(command, name, top))
    return "\n\n".join(parts) + "\n"


def root_context() -> tuple[Root, Context]:
    """The command line's root, as `main` makes it, and a context that belongs to no process."""
    root = Root(NOUNS, name="orderctl", help="", no_args_is_help=True, rich_markup_mode=None)
    app = App(environ={}, stdin=io.StringIO(), out=io.StringIO(), err=io.StringIO())
    return root, root.make_context("orderctl", [], obj=app, resilient_parsing=True)


def verbs(command: Command, context: Context) -> Iterator[tuple[Command, Context]]:
    """The verbs of a noun, each with its context; a noun without verbs is its own."""
    group: Any = command
    if not hasattr(group, "list_commands"):
        yield command, context
        return
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        yield found, _sub_context(found, name, context)


def _sub_context(command: Command, name: str, parent: Context) -> Context:
    return command.make_context(name, [], parent=parent, resilient_parsing=True)


def _contents(root: Root, top: Context) -> Iterator[str]:
    for name, text in NOUNS.items():
        command = root.get_command(top, name)
        if command is None:
            continue
        context = _sub_context(command, name, top)
        paths = [verb_context.command_path for _, verb_context in verbs(command, context)]
        links = " · ".join(f"[{path.split(' ')[-1]}](#{path.replace(' ', '-')})" for path in paths)
        yield f"**{name}** {text} {links}"


def _noun(command: Command, context: Context) -> Iterator[str]:
    has_verbs = hasattr(command, "list_commands")
    if has_verbs:
        yield f"## orderctl {context.info_name}"
        yield (command.help or "").strip()
    for verb, verb_context in verbs(command, context):
        yield from _verb(verb, verb_context, heading="###" if has_verbs else "##")


def _verb(command: Command, context: Context, *, heading: str) -> Iterator[str]:
    prose, example = _help(command)
    yield f"{heading} {context.command_path}"
    yield prose
    own = _own(command, context)
    arguments = [param for param in own if param.param_type_name == "argument"]
    usage = " ".join([context.command_path, *(_argument(param, context) for param in arguments), "[OPTIONS]"])
    yield f"```text\n{usage}\n```"
    if arguments:
        yield _options(arguments, context)
    options = [param for param in own if param.param_type_name == "option" and param.name != "help"]
    if options:
        yield _options(options, context)
    if example:
        yield f"```sh\n{example}\n```"


def _help(command: Command) -> tuple[str, str]:
    """The help text without its example, and the example."""
    prose, _, example = (command.help or "").partition("Example:")
    paragraphs = [" ".join(part.split()) for part in prose.replace("\b", "").split("\n\n")]
    return "\n\n".join(part for part in paragraphs if part), " ".join(example.split())


def _argument(param: Parameter, context: Context) -> str:
    return param.make_metavar(ctx=context)


def _common(root: Root, top: Context) -> list[Parameter]:
    return [param for param in root.get_params(top) if param.name != "help" and not param.expose_value]


def _own(command: Command, context: Context) -> list[Parameter]:
    """A verb's parameters without the common options, which are told apart by never being handed to it."""
    return [param for param in command.get_params(context) if param.expose_value or param.param_type_name == "argument"]


def _options(params: list[Parameter], context: Context) -> str:
    rows = [f"| `{_code(name)}` | {_cell(text)} |" for name, text in _records(params, context)]
    return "\n".join(["| | |", "|---|---|", *rows])


def _code(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _cell(text: str) -> str:
    """Text as it stands, in a Markdown table."""
    words = " ".join(text.split())
    return words.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("[", "\\[").replace("]", "\\]")


def exit_codes_page() -> str:
    """What `orderctl help exit-codes` prints, as a page."""
    rows = [f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()]
    return "\n\n".join(
        [
            "# Exit codes",
            NOTICE,
            "The exit code tells a script what to do next; the same list is printed by `orderctl help exit-codes`.",
            "\n".join(["| code | meaning |", "|---|---|", *rows]),
            EXIT_NOTES,
        ]
    )


EXIT_NOTES = """\
- Nothing found is a result, not an error: an empty list and 0. 3 is for a thing that was named and is not there.
- 2 is given before anything was changed.
- A command that watches (`orders watch`, `orders submit --watch`) ends with the outcome of the execution: 0 or 8.
  `--timeout` ends the watching with 124, Ctrl-C with 130; the execution goes on in both cases.
- With 6 the output names the items that failed; the hint names the command that goes on with them, where there is one.
- With `--output json` or `jsonl` the error is one JSON object on stderr and carries the code as `exit_code`.
"""


def keys_page() -> str:
    """Every key of an environment: type, variable, stack output, default, meaning."""
    rows = [_key_row(key) for key in KEYS]
    head = ["| key | takes | variable | stack output | default | |", "|---|---|---|---|---|---|"]
    return "\n\n".join(
        [
            "# Configuration keys",
            NOTICE,
            "Keys of `[env.NAME]` in `config.toml`; `resources.…` and `auth.…` are tables below it. Where a value "
            "comes from and which one wins: [configuration](configuration.md).",
            "\n".join([*head, *rows]),
            "The one key above the environments is `default_env`: the environment in force where none is named.\n",
        ]
    )


def _key_row(key: Key) -> str:
    takes = " · ".join(f"`{choice}`" for choice in key.choices) or KIND_WORDS[key.kind]
    variables = ", ".join(f"`{variable}`" for variable in key.variables)
    default = "" if key.default is None else f"`{str(key.default).lower()}`"
    output = f"`{key.output}`" if key.output else ""
    return f"| `{key.path}` | {takes} | {variables} | {output} | {default} | {_cell(key.help)} |"


def main() -> None:
    """Write every page."""
    for name, text in pages().items():
        (FOLDER / name).parent.mkdir(exist_ok=True)
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(f"docs/{name}")


if __name__ == "__main__":
    main()
