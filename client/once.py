"""An option that takes one value is given once: of two, no command drops one without a word."""

from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperOption


class _OnceCommand(TyperCommand):
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """BadParameter if an option that takes one value is repeated."""
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        for option in _repeated(order):
            raise typer.BadParameter("is given more than once, and takes one value", ctx=ctx, param=option)
        return super().parse_args(ctx, args)


def _repeated(order: Sequence[Any]) -> list[TyperOption]:
    options = [each for each in order if isinstance(each, TyperOption) and not each.multiple and not each.is_flag and not each.count]
    return [each for number, each in enumerate(options) if each in options[:number]]


def allow_once(app: typer.Typer) -> None:
    """Holds for all commands that the app has by now, and those of its groups."""
    for command in app.registered_commands:
        command.cls = _OnceCommand
    for group in app.registered_groups:
        if group.typer_instance is not None:
            allow_once(group.typer_instance)
