"""Business figures into the store: each with its source and load; the same load twice is one."""

from collections.abc import Iterable
from datetime import timedelta
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from hr_core.audit.log import append
from hr_core.errors import InputFileError, NotFoundError, RefusedError
from hr_core.money import decimal_text
from hr_core.people.lookup import person_of_number
from hr_core.people.today import today_at
from hr_core.performance.acting import Deed
from hr_core.performance.figure_file import FigureFile, WrittenFigure, read_figure_file
from hr_core.performance.figures import BUILT_IN, SCORED, stored_name
from hr_core.performance.goals import Goal
from hr_core.performance.periods import Period
from hr_core.performance.signers import is_person
from hr_core.performance.units import Units
from hr_core.store.performance_figures import Figure, add_figures, figures_of

_LOAD_CHARS = 12  # of the file's SHA-256: enough to tell loads apart
_Key = tuple[str, str, str]


class Loaded(Struct, frozen=True, kw_only=True):
    """`load` names this content wherever one of its values is shown."""

    load: str
    source: str
    added: int
    changed: int
    unchanged: int


def load_figures(conn: sa.Connection, path: Path, mapping: Path | None, deed: Deed) -> Loaded:
    """Any fault refuses the whole file. In the caller's write transaction. Raises InputFileError."""
    file = read_figure_file(path, mapping)
    load = sha256(path.read_bytes()).hexdigest()[:_LOAD_CHARS]
    _check_units(conn, file, str(path))
    _refuse_part_of_nothing(file, str(path))
    wanted = [
        Figure(
            subject=_subject(conn, row, str(path)),
            figure=_name(row, str(path)),
            period=row.period,
            value=row.value,
            of=row.of,
            source=f"{file.source} {path.name}",
            load=load,
            place=row.place,
            loaded_at=deed.at,
            loaded_by=deed.by,
        )
        for row in file.rows
    ]
    _refuse_twice(wanted, str(path))
    loaded = _store(conn, wanted, load, file)
    if loaded.added or loaded.changed:
        subject = f"performance figures {load}"
        append(conn, deed.at, deed.by, "performance.import", subject, None, loaded, deed.note)
    return loaded


def score_figure(
    conn: sa.Connection, goal: Goal, period: Period, value: Fraction, deed: Deed
) -> Figure:
    """What the unit that scores a goal (scored_by) says of it. Raises RefusedError for others."""
    if goal.scored_by is None:
        raise RefusedError(
            f"goal {goal.code} is not scored by another unit",
            remedy="load its figure: hr-core performance import FILE",
        )
    units, on = Units.load(conn), today_at(conn, deed.at)
    people = units.people_below(goal.scored_by, on, on + timedelta(days=1))
    said_by = [one for one in people if is_person(conn, one, deed.actor)]
    if not said_by or is_person(conn, goal.owner, deed.actor):
        raise RefusedError(
            f"{deed.by} does not score goal {goal.code} of {goal.owner}: unit "
            f"{goal.scored_by} does",
            remedy=f"{', '.join(people) or 'nobody is in that unit'} can: --by NAME",
        )
    figure = Figure(
        subject=goal.subject,
        figure=stored_name(goal),
        period=str(period),
        value=value,
        source=f"scored by {goal.scored_by}",
        load=f"{said_by[0]} {deed.at:%Y-%m-%dT%H:%M:%SZ}",
        place=deed.note,
        loaded_at=deed.at,
        loaded_by=said_by[0],
    )
    new = _new_revisions(conn, [figure])
    add_figures(conn, new)
    if new:
        told = {"figure": figure.figure, "period": figure.period, "value": str(value)}
        subject = goal.subject.replace(":", " ", 1)
        append(conn, deed.at, deed.by, "performance.rate", subject, None, told, deed.note)
    return figure


def _store(conn: sa.Connection, wanted: list[Figure], load: str, file: FigureFile) -> Loaded:
    new = _new_revisions(conn, wanted)
    add_figures(conn, new)
    added = sum(one.revision == 1 for one in new)
    return Loaded(
        load=load,
        source=file.source,
        added=added,
        changed=len(new) - added,
        unchanged=len(wanted) - len(new),
    )


def _new_revisions(conn: sa.Connection, wanted: Iterable[Figure]) -> list[Figure]:
    """Those that are not there, or there with another value."""
    rows = list(wanted)
    stored = {_key(one): one for one in figures_of(conn, {one.subject for one in rows})}
    found = []
    for one in rows:
        before = stored.get(_key(one))
        if before is None:
            found.append(one)
        elif (before.value, before.of) != (one.value, one.of):
            found.append(replace(one, revision=before.revision + 1))
    return found


def _key(one: Figure) -> _Key:
    return one.subject, one.figure, one.period


def _refuse_twice(rows: list[Figure], file: str) -> None:
    seen: dict[_Key, Figure] = {}
    for one in rows:
        other = seen.setdefault(_key(one), one)
        if other is not one:
            raise InputFileError(
                f"{one.figure} of {one.subject} for {one.period} stands in {other.place} too",
                file=file,
                key=one.place,
                remedy="keep one of the two",
            )


def _check_units(conn: sa.Connection, file: FigureFile, name: str) -> None:
    codes = Units.load(conn).codes
    for row in file.rows:
        if row.kind == "unit" and row.subject not in codes:
            raise InputFileError(
                f"there is no unit {row.subject!r}",
                file=name,
                key=row.place,
                remedy="correct it, or add a [[unit]] to the people file",
            )


def _refuse_part_of_nothing(file: FigureFile, name: str) -> None:
    """45 of 0 is no 45."""
    for row in file.rows:
        if row.of is not None and row.of <= 0:
            raise InputFileError(
                f"{row.figure} of {row.subject} is a part of {decimal_text(row.of)}",
                file=name,
                key=row.place,
                remedy="give the whole above 0, or leave the row out",
            )


def _name(row: WrittenFigure, file: str) -> str:
    if row.figure in BUILT_IN or row.figure.startswith(SCORED):
        raise InputFileError(
            f"{row.figure!r} is computed here or said by a unit, not imported",
            file=file,
            key=row.place,
            remedy="give the figure another name",
        )
    return row.figure


def _subject(conn: sa.Connection, row: WrittenFigure, file: str) -> str:
    if row.kind != "person":
        return f"{row.kind}:{row.subject}"
    try:
        return f"person:{person_of_number(conn, row.subject, Period.parse(row.period).first)}"
    except NotFoundError as exc:
        raise InputFileError(str(exc), file=file, key=row.place, remedy=exc.remedy) from exc
