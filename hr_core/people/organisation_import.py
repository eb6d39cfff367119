"""A file's units and places, merged with what the store holds, and what they must not contradict.

A unit that the file names is replaced with its parents, zones and devices; so are the places of a
person whose `units` the file gives. What the file does not name stays.
"""

from collections.abc import Hashable, Iterable, Sequence
from datetime import date
from typing import TypeVar

from hr_core.errors import InputFileError
from hr_core.people.organisation_file import UnitRow
from hr_core.people.records import Dated, Membership, UnitKind, UnitParent
from hr_core.store.organisation import Organisation

Row = TypeVar("Row", bound=Dated)


def merged_organisation(
    before: Organisation, rows: Sequence[UnitRow], places: dict[str, tuple[Membership, ...]]
) -> Organisation:
    """`places`: by person key, of those whom the file gives units."""
    named = {row.code for row in rows}
    moved = {device.serial for row in rows for device in row.device_rows()}
    return Organisation(
        units=before.units | {row.code: row.value() for row in rows},
        parents=(
            *(one for one in before.parents if one.unit not in named),
            *(one for row in rows for one in row.parent_rows()),
        ),
        memberships=(
            *(one for one in before.memberships if one.person not in places),
            *(one for of_person in places.values() for one in of_person),
        ),
        zones=(
            *(one for one in before.zones if one.site not in named),
            *(one for row in rows for one in row.zone_rows()),
        ),
        devices=(
            *(one for one in before.devices if one.site not in named and one.serial not in moved),
            *(one for row in rows for one in row.device_rows()),
        ),
    )


def check_organisation(file: str, rows: Sequence[UnitRow], merged: Organisation) -> None:
    """Raises InputFileError with the row of the file."""
    index = {row.code: at for at, row in enumerate(rows)}
    if len(index) != len(rows):
        twice = next(row.code for at, row in enumerate(rows) if index[row.code] != at)
        raise _refused(file, "unit", f"{twice!r} stands twice", "keep one of the two entries")
    for parent in merged.parents:
        if parent.parent not in merged.units:
            raise _refused(
                file,
                _key(index, parent.unit, "parents"),
                f"unit {parent.unit} lies under {parent.parent!r}, which is not defined",
                "add a [[unit]] with this code, or correct the parent",
            )
    for place in merged.memberships:
        if place.unit not in merged.units:
            raise _refused(
                file,
                "person.units",
                f"person {place.person} is in {place.unit!r}, which is not defined",
                "add a [[unit]] with this code, or correct the person",
            )
    for site in (row.site for row in merged.zones):
        if merged.units[site].kind is not UnitKind.SITE:
            raise _refused(
                file, _key(index, site, "kind"), f"{site} has a zone and is no site", "correct it"
            )
    _refuse_overlaps(file, index, merged)
    _refuse_cycles(file, index, merged.parents)


def _refuse_overlaps(file: str, index: dict[str, int], merged: Organisation) -> None:
    for pair in (
        _overlap((row.site, row) for row in merged.zones),
        _overlap(((row.unit, row.parent), row) for row in merged.parents),
        _overlap(((row.unit, row.person, row.role), row) for row in merged.memberships),
        _overlap((row.serial, row) for row in merged.devices),
    ):
        if pair is not None:
            one, other = pair
            where = str(getattr(other, "site", "") or getattr(other, "unit", ""))
            raise _refused(
                file,
                _key(index, where, "days"),
                f"{_words(one)} and {_words(other)} hold on the same day",
                "end the one before the other begins: until = the first day of the next",
            )


def _overlap(rows: Iterable[tuple[Hashable, Row]]) -> tuple[Row, Row] | None:
    last: dict[Hashable, Row] = {}
    for key, row in sorted(rows, key=lambda pair: pair[1].valid_from or date.min):
        before = last.get(key)
        if before is not None and before.days.overlaps(row.days):
            return before, row
        last[key] = row
    return None


def _refuse_cycles(file: str, index: dict[str, int], parents: tuple[UnitParent, ...]) -> None:
    """A cycle on any day: the tree changes only where some row begins."""
    for day in sorted({row.valid_from or date.min for row in parents}):
        above: dict[str, set[str]] = {}
        for row in parents:
            if row.days.covers(day):
                above.setdefault(row.unit, set()).add(row.parent)
        for unit in above:
            if _reaches(above, unit):
                raise _refused(
                    file,
                    _key(index, unit, "parents"),
                    f"unit {unit} lies under itself on {day}",
                    "correct one of the parents",
                )


def _reaches(above: dict[str, set[str]], unit: str) -> bool:
    seen: set[str] = set()
    todo = list(above[unit])
    while todo:
        one = todo.pop()
        if one == unit:
            return True
        if one not in seen:
            seen.add(one)
            todo += above.get(one, ())
    return False


def _words(row: Dated) -> str:
    facts = [
        str(getattr(row, name))
        for name in row.__struct_fields__
        if name not in {"valid_from", "valid_until"}
    ]
    return f"{type(row).__name__} {' '.join(facts)} ({row.days.text()})"


def _key(index: dict[str, int], unit: str, part: str) -> str:
    return f"unit[{index[unit]}].{part}" if unit in index else f"unit.{part}"


def _refused(file: str, key: str, what: str, remedy: str) -> InputFileError:
    return InputFileError(what, file=file, key=key, remedy=remedy)
