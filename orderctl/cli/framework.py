"""What every noun is built from: lazily loaded groups, and common options that go anywhere on the line.

typer declares a verb's own options; the common ones (`-o`, `--env`, `--region` …) are added here to the
root, to every noun and to every verb, so that `orderctl -o json dlq list` and `orderctl dlq list -o json`
are the same. What is given last wins. A noun's module is imported when the noun is named, never for
`--help` of the root: the help text of a noun stands in the table instead.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from orderctl.context import App
from orderctl.importing import undisturbed

if TYPE_CHECKING:  # typer carries its own copy of click and exports no public name for these
    from typer._click import Command, Context, HelpFormatter, Parameter

_COMMON: tuple[tuple[tuple[str, ...], str, str, str], ...] = (
    (("-o", "--output"), "output", "FORMAT", "table, tsv, csv, json or jsonl."),
    (("--query",), "query", "JMESPATH", "Part of the JSON to print, as in the AWS CLI."),
    (("--env",), "env", "NAME", "Environment to work in."),
    (("--profile",), "profile", "NAME", "AWS credentials profile."),
    (("--region",), "region", "REGION", "AWS Region."),
    (("--endpoint-url",), "endpoint_url", "URL", "Endpoint for every AWS service."),
    (("--config",), "config", "FILE", "Configuration file to use."),
    (("--color",), "color", "WHEN", "auto, always or never."),
    (("--reason",), "reason", "TEXT", "Why; kept in the audit trail with what is changed."),
)
_SWITCHES: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("--refresh",), "refresh", "Discover the stack's resources anew."),
    (("--debug",), "debug", "Name every AWS call on stderr; never shows a secret."),
)


LazyVerb = tuple[str, str, str]
"""A verb's module below `orderctl.cli`, its function, and the first paragraph of its help."""


def _keep(ctx: Context, param: Any, value: object) -> object:
    """Hand a common option to the App; the deepest one on the line is read last and wins."""
    if value not in (None, False):
        cast(App, ctx.obj).options[param.name] = value
    return value


def _common_options() -> list[TyperOption]:
    valued = [
        TyperOption(
            param_decls=[name, *flags], type=str, metavar=metavar, help=text, expose_value=False, callback=_keep
        )
        for flags, name, metavar, text in _COMMON
    ]
    switches = [
        TyperOption(param_decls=[name, *flags], is_flag=True, help=text, expose_value=False, callback=_keep)
        for flags, name, text in _SWITCHES
    ]
    return valued + switches


@cache
def common_params() -> tuple[TyperOption, ...]:
    """The options every command takes."""
    return tuple(_common_options())


def _format_options(command: Command, ctx: Context, formatter: HelpFormatter) -> None:
    """A verb's arguments and own options first, the common ones in their own section behind them."""
    common = common_params()
    own = [param for param in command.get_params(ctx) if param not in common]
    for title, params in (
        ("Arguments", [param for param in own if param.param_type_name == "argument"]),
        ("Options", [param for param in own if param.param_type_name == "option"]),
        ("Common options", list(common)),
    ):
        records = [record for param in params if (record := param.get_help_record(ctx))]
        if records:
            with formatter.section(title):
                formatter.write_dl(records)


def _first_paragraph(command: Command) -> str:
    return " ".join((command.help or "").split("\n\n")[0].split())


class Verb(TyperCommand):
    """One command."""

    def get_params(self, ctx: Context) -> list[Parameter]:
        return [*super().get_params(ctx), *common_params()]

    def format_options(self, ctx: Context, formatter: HelpFormatter) -> None:
        _format_options(self, ctx, formatter)


class Noun(TyperGroup):
    """The verbs of one noun."""

    def get_params(self, ctx: Context) -> list[Parameter]:
        return [*super().get_params(ctx), *common_params()]

    def format_options(self, ctx: Context, formatter: HelpFormatter) -> None:
        _format_options(self, ctx, formatter)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """The first paragraph of each verb's help, whole: typer would cut it off in mid-sentence."""
        verbs = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, _first_paragraph(verb)) for name, verb in verbs if verb and not verb.hidden])


class LazyNoun(Noun):
    """A noun of many verbs, each imported and built when it is named.

    Eleven verbs with their options cost more than most of what they are asked for. The help of the noun needs only
    their first sentence, so that stands in the table; a test holds it to the verb's own.
    """

    def __init__(self, name: str, help_text: str, verbs: dict[str, LazyVerb]) -> None:
        super().__init__(name=name, help=help_text, no_args_is_help=True, rich_markup_mode=None)
        self.verbs = verbs
        self.commands = cast(Any, dict.fromkeys(verbs))

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        if cmd_name not in self.verbs:
            return None
        name, function, _ = self.verbs[cmd_name]
        with undisturbed():
            module = import_module(f"orderctl.cli.{name}")
        found = single_command(cmd_name, getattr(module, function))
        return cast("Command", found)

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in self.verbs.items()])


class Root(Noun):
    """The nouns, loaded when named."""

    def __init__(self, nouns: dict[str, str], **attrs: Any) -> None:
        super().__init__(**attrs)
        self.nouns = nouns
        self.commands = cast(Any, dict.fromkeys(nouns))

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        if cmd_name not in self.nouns:
            return None
        with undisturbed():
            module = import_module(f"orderctl.cli.{cmd_name}")
        return module.single() if hasattr(module, "single") else typer.main.get_group(module.app)

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self.nouns.items()))


def noun(name: str, help_text: str) -> typer.Typer:
    """A new noun; its verbs are added with `@verb(app)`."""
    return typer.Typer(
        name=name, help=help_text, cls=Noun, no_args_is_help=True, add_completion=False, rich_markup_mode=None
    )


def verb(app: typer.Typer, name: str | None = None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function as a verb; its docstring is the help text."""
    return app.command(name, cls=Verb, no_args_is_help=False)


def as_verb(cls: type[Verb]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Mark a verb that reads its line in a way of its own."""

    def marked(function: Callable[..., None]) -> Callable[..., None]:
        function.__dict__["verb"] = cls
        return function

    return marked


def single_command(name: str, function: Callable[..., None]) -> Any:
    """A command by itself: a verb of a LazyNoun, or a noun that is one, such as `doctor`."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(name, cls=function.__dict__.get("verb", Verb))(function)
    return typer.main.get_command(app)


def app_of(ctx: typer.Context) -> App:
    """The context object every command works with."""
    return cast(App, ctx.obj)
