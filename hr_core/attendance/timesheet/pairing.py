"""How presses at a device become punches of the time sheet: by key, by turns, by detection."""

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from hr_core.attendance.timesheet.detection import Detected, detect, record
from hr_core.attendance.timesheet.model import Direction, Entries, PunchType
from hr_core.attendance.timesheet.rules import NOWHERE, Place, Rules


class PunchPairing(StrEnum):
    """BY_KEY: as pressed, detected where no key was. DETECT: by the open shift and the plan,
    whatever was pressed. ALTERNATE: in and out by turns. FIRST_LAST: the first and the last press of
    a shift, the others between them are visits.
    """

    BY_KEY = "by_key"
    DETECT = "detect"
    ALTERNATE = "alternate"
    FIRST_LAST = "first_last"


class KeyPress(Struct, frozen=True, kw_only=True):
    """`direction` None: the device does not say."""

    at: int
    direction: Direction | None = None
    type: PunchType = PunchType.NORMAL
    place: Place = NOWHERE
    event_id: str = ""


def paired(
    presses: Iterable[KeyPress], pairing: PunchPairing, plan: Entries, rules: Rules
) -> Entries:
    """The entries with the presses as punches, in order of time; every press becomes one punch, or
    with FIRST_LAST at most one. Presses of one instant are one press.
    """
    ordered = list({press.at: press for press in sorted(presses, key=lambda one: one.at)}.values())
    if pairing is PunchPairing.FIRST_LAST:
        return _first_and_last(ordered, plan, rules)
    entries = plan
    began: int | None = None
    for press in ordered:
        if pairing is PunchPairing.ALTERNATE:
            coming = began is None or press.at - began > rules.maximum_shift
            began = press.at if coming else None
            entries = _with(press, Direction.IN if coming else Direction.OUT, entries)
        elif pairing is PunchPairing.BY_KEY and press.direction:
            entries = _with(press, press.direction, entries)
        else:
            entries = _detected(press, entries, rules)
    return entries


def _with(press: KeyPress, direction: Direction, entries: Entries) -> Entries:
    found = Detected(direction, press.type, press.place)
    return _named(record(press.at, found, entries, press.place), press)


def _detected(press: KeyPress, entries: Entries, rules: Rules) -> Entries:
    own = None if press.place == NOWHERE else press.place
    found = detect(press.at, entries, rules)
    return _named(record(press.at, found, entries, own), press)


def _named(entries: Entries, press: KeyPress) -> Entries:
    *before, last = entries.punches
    punches = (*before, replace(last, event_id=press.event_id))
    return replace(entries, punches=punches)


def _first_and_last(presses: list[KeyPress], plan: Entries, rules: Rules) -> Entries:
    groups: list[list[KeyPress]] = []
    for press in presses:
        # The gap that begins a new shift says nothing here: a whole day lies between two presses.
        if groups and press.at - groups[-1][0].at <= rules.maximum_shift:
            groups[-1].append(press)
        else:
            groups.append([press])
    entries = plan
    for group in groups:
        entries = _with(group[0], Direction.IN, entries)
        if len(group) > 1:
            entries = _with(group[-1], Direction.OUT, entries)
    return entries
