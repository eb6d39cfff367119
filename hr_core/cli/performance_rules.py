"""`hr-core performance grade-schemes`, and bringing any file of a house's own rules of performance."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.gateways import operator
from hr_core.cli.options import (
    ByOption,
    DbOption,
    JsonOption,
    core,
    print_json,
    reading,
    today_here,
)
from hr_core.cli.second_person import print_asked

if TYPE_CHECKING:
    from hr_core.performance.house_rules import Consequence


def bring_rules(  # noqa: PLR0913 - what every command of a file has
    context: typer.Context,
    which: str,
    file: Path,
    *,
    by: str | None,
    db: str | None,
    as_json: bool,
    reason: str = "",
) -> None:
    """Another person approves them; until then the rules of before hold."""
    from hr_core.approvals.actors import actor_named
    from hr_core.clock import SystemClock
    from hr_core.performance.rule_desk import RuleFile, propose_rules
    from hr_core.store.database import writing

    with core(context, db) as engine:
        with writing(engine) as conn:
            actor = actor_named(conn, by or operator())
            at = SystemClock().now()
            number = propose_rules(conn, RuleFile(which), file, at=at, by=actor, reason=reason)
        if number is not None:
            again = f"hr-core approvals approve {number}"
            print_asked(engine, number, again=again, as_json=as_json)
        elif as_json:
            print_json({"approval": None, "done": True})
        else:
            print(f"{file}: these rules hold already")


def grade_schemes(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="Bring this file [default: show].", show_default=False)
    ] = None,
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why. Kept for ever.")] = "",
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring the house's own schemes of what grades lead to, for another person to approve; or show those
    of today.
    """
    from hr_core.performance.exact_json import plain
    from hr_core.performance.rule_desk import house_rules

    if file is not None:
        bring_rules(context, "grades", file, by=by, db=db, as_json=as_json, reason=reason)
        return
    with reading(context, db) as conn:
        found = house_rules(conn)
        today = found.on(today_here(conn))
    if as_json:
        print_json({"editions": plain(found.edition)})
        return
    print(f"{today.version} from {today.since}: {today.source}")
    for scheme in today.scheme:
        print(f"  {scheme.code}")
        for grade, rule in scheme.grade.items():
            print(f"    {grade}: {_told(rule)}")
    for later in found.edition:
        if later.since > today.since:
            print(f"then {later.version} from {later.since}")


def _told(rule: Consequence) -> str:
    from hr_core.performance.exact_json import plain

    told = plain(rule)
    assert isinstance(told, dict)  # noqa: S101 - of a struct
    return ", ".join(f"{name} {value}" for name, value in told.items() if value) or "nothing"
