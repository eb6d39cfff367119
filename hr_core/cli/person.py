"""`hr-core person export|erase`: what is held of one person, given to it, and erased after it left."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.gateways import operator
from hr_core.cli.options import (
    ByOption,
    DbOption,
    ExitCode,
    JsonOption,
    open_core,
    print_json,
    writing,
)

if TYPE_CHECKING:
    from hr_core.people.erasing import ErasedPerson

app = typer.Typer(help="All that is held of one person.", rich_markup_mode=None)

PersonArgument = Annotated[
    str,
    typer.Argument(metavar="PERSON", help="Employee number, or key:KEY.", show_default=False),
]


@app.callback()
def _person() -> None: ...


@app.command("export")
def export(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    person: PersonArgument,
    *,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to", help="A new ZIP file [default: person-PERSON.zip].", show_default=False
        ),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Kept in the audit log.")] = "",
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write all that is held of a person as a ZIP of JSON files, with a text that explains them."""
    from hr_core.accounts.visible import site_today
    from hr_core.clock import SystemClock
    from hr_core.people.lookup import person_who_had
    from hr_core.people.personal_data import export_person

    at = SystemClock().now()
    with writing(context, db) as conn:
        key = person_who_had(conn, person, site_today(conn, at))
        file = to or Path(f"person-{key.replace('/', '-')}.zip")
        done = export_person(conn, key, file, at=at, by=by or operator(), reason=reason)
    if as_json:
        print_json(done)
        return
    print(f"{done.file}: {sum(done.rows.values())} rows of person {done.person}")
    for name, count in done.rows.items():
        print(f"  {name} {count}")


@app.command("erase")
def erase(
    context: typer.Context,
    person: PersonArgument,
    *,
    reason: Annotated[str, typer.Option("--reason", help="On whose order. Kept for ever.")],
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Erase what may go of a person who left, by two people: the first asks, the second gives the same
    command. Says what stays, why and until when. Exit 1 while records of terminals have to stay.
    """
    from hr_core.accounts.visible import site_today
    from hr_core.approvals.actors import actor_named
    from hr_core.approvals.kinds import Kind
    from hr_core.cli.second_person import approved_by_second, print_asked, waits
    from hr_core.clock import SystemClock
    from hr_core.people.erasing import ErasedPerson, ask_erasing, erasing_subject
    from hr_core.people.lookup import person_who_had
    from hr_core.store import database

    at, who = SystemClock().now(), by or operator()
    with open_core(context, db) as (engine, empty_log):
        with database.writing(engine) as conn:
            key = person_who_had(conn, person, site_today(conn, at))
            done: object = None
            asked = 0
            if waits(conn, Kind.ERASURE, erasing_subject(key)):
                subject = erasing_subject(key)
                done = approved_by_second(conn, Kind.ERASURE, subject, who, at, reason)
            else:
                actor = actor_named(conn, who)
                asked = ask_erasing(conn, key, at=at, by=actor, reason=reason)
        if not isinstance(done, ErasedPerson):
            again = f"hr-core person erase {person} --reason WHY"
            print_asked(engine, asked, again=again, as_json=as_json)
            return ExitCode.OK
        emptied = empty_log()  # what was overwritten stands there until it is moved
    if as_json:
        print_json(done)
    else:
        _print_erased(done)
    if not emptied:
        print(
            "Their bytes still stand in the database's log, which another program reads: they go "
            "by themselves when it has ended, and hr-core serve runs.",
            file=sys.stderr,
        )
    return ExitCode.DEGRADED if done.kept.get("punches", 0) else ExitCode.OK


def _print_erased(done: ErasedPerson) -> None:
    from hr_core.people.erasing import keeping

    rules = keeping()
    print(f"person {done.person}: gone: " + _counts(done.gone))
    print("stays: " + _counts(done.kept))
    print(f"  until {done.pay_until}: {rules.pay_and_audit.source}")
    if done.kept.get("punches", 0):
        print(f"  raw records until {done.records_until}: {rules.device_records.source}")


def _counts(rows: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in rows.items() if count) or "nothing"
