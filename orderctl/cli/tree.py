"""The tree of commands as plain data: nouns, verbs, arguments, options.

Completion walks it and the tests enumerate it, so neither needs typer's objects. It holds what `--help`
holds, because it is read from the same declarations.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from orderctl.cli.framework import Root, common_params
from orderctl.cli.main import NOUNS
from orderctl.context import App

if TYPE_CHECKING:
    from typer._click import Command, Context, Parameter

Json = dict[str, Any]


def tree() -> Json:
    """`{"commands": {noun: {"help", "commands": {verb: {"help", "arguments", "options"}}}}, "common": [...]}`."""
    root = Root(NOUNS, name="orderctl", help="", no_args_is_help=True, rich_markup_mode=None)
    app = App(environ={}, stdin=io.StringIO(), out=io.StringIO(), err=io.StringIO())
    context = root.make_context("orderctl", [], obj=app, resilient_parsing=True)
    commands = {}
    for name, help_text in NOUNS.items():
        command = root.get_command(context, name)
        if command is not None:
            commands[name] = {**_node(command, name, context), "help": help_text}
    return {"commands": commands, "common": [_option(param) for param in common_params()]}


def _node(command: Command, name: str, parent: Context) -> Json:
    context = command.make_context(name, [], parent=parent, resilient_parsing=True)
    own = [param for param in command.get_params(context) if param not in common_params()]
    group: Any = command
    verbs = group.list_commands(context) if hasattr(group, "list_commands") else ()
    return {
        "help": " ".join((command.help or "").split("\n\n")[0].split()),
        "arguments": [_argument(param) for param in own if param.param_type_name == "argument"],
        "options": [_option(param) for param in own if param.param_type_name == "option"],
        **(
            {"commands": {verb: _node(group.get_command(context, verb), verb, context) for verb in verbs}}
            if verbs
            else {}
        ),
    }


def _argument(param: Parameter) -> Json:
    return {"metavar": str(param.metavar or "").strip("[]. "), "many": param.nargs == -1, "choices": _choices(param)}


def _option(param: Any) -> Json:
    takes = None if param.is_flag or param.count else str(param.metavar or "VALUE")
    return {
        "names": [*param.opts, *param.secondary_opts],
        "takes": takes,
        "choices": _choices(param),
        "help": " ".join((param.help or "").split()),
    }


def _choices(param: Parameter) -> list[str]:
    return [str(getattr(choice, "value", choice)) for choice in getattr(param.type, "choices", ())]
