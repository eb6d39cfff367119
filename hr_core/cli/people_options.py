"""What the commands of `hr-core people` take in common, and how a change is told."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.gateways import operator
from hr_core.cli.options import print_json

if TYPE_CHECKING:
    from hr_core.people.changes import Signature

ReasonOption = Annotated[str, typer.Option("--reason", help="Why. Kept for ever.")]
PersonArgument = Annotated[
    str, typer.Argument(help="Employee number, or key:KEY.", show_default=False)
]
FromOption = Annotated[str, typer.Option("--from", help="First day, like 2026-06-01.")]
OnOption = Annotated[
    str | None, typer.Option("--on", help="The day looked at [default: today].", show_default=False)
]


def tell_change(change: int, text: str, *, as_json: bool, value: object = None) -> None:
    if as_json:
        print_json({"change": change} if value is None else value)
    else:
        print(f"{text}\n  to undo: hr-core people undo {change} --reason WHY")


def signed(by: str | None, reason: str) -> Signature:
    from hr_core.clock import SystemClock
    from hr_core.people.changes import Signature

    return Signature(at=SystemClock().now(), by=by or operator(), reason=" ".join(reason.split()))


def device_user_given(text: str) -> tuple[str, str]:
    serial, colon, user_id = text.rpartition(":")
    if not (colon and serial and user_id):
        raise typer.BadParameter(f"{text!r} is not SERIAL:USER_ID", param_hint="device user")
    return serial, user_id


def fen_given(text: str | None, option: str) -> int | None:
    from hr_core.money import parse_yuan

    try:
        fen = None if text is None else parse_yuan(text)
    except ValueError as exc:
        raise typer.BadParameter(str(exc), param_hint=option) from exc
    if fen is not None and fen < 0:
        raise typer.BadParameter("is less than nothing", param_hint=option)
    return fen


def required_day(text: str, option: str) -> date:
    day = day_given(text, option)
    assert day is not None  # noqa: S101 - given a text, a day or an error comes back
    return day


def day_given(text: str | None, option: str) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as exc:
        raise typer.BadParameter(
            f"{text!r} is not a day like 2026-06-01", param_hint=option
        ) from exc
