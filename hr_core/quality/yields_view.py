"""First-pass yield of each station, rolled yield of each line, and OEE from what is given.

What nobody measures or configures is named in `missing`; nothing is put in its place.
"""

from collections import defaultdict
from collections.abc import Iterable
from fractions import Fraction

import sqlalchemy as sa
from msgspec import Struct

from hr_core.errors import NotFoundError
from hr_core.people.model import Roster
from hr_core.quality.counted_span import Window, parts_of, series_of, whole
from hr_core.quality.month import Series, Tally
from hr_core.quality.yields import Oee, rate, rolled_yield
from hr_core.store.line_entries import line_settings


class OeeGiven(Struct, frozen=True, kw_only=True):
    """What a person says of one line in the window; None is not said."""

    planned_min: int | None = None
    run_min: int | None = None
    ideal_cycle_s: Fraction | None = None


class Share(Struct, frozen=True, kw_only=True):
    """`exact` as a fraction, `percent` for people; both None where it is not known."""

    exact: str | None
    percent: str | None


class StationYield(Struct, frozen=True, kw_only=True):
    """`of_line`: its pieces are the line's; the others stand before it."""

    station: str
    pieces: int
    rejects: int
    first_pass: Share
    of_line: bool


class OeeView(Struct, frozen=True, kw_only=True):
    inputs: dict[str, str | int | None]
    availability: Share
    performance: Share
    quality: Share
    oee: Share


class LineYield(Struct, frozen=True, kw_only=True):
    line: str
    stations: tuple[StationYield, ...]
    first_pass: Share
    rolled: Share
    oee: OeeView
    missing: tuple[str, ...]


class YieldsView(Struct, frozen=True, kw_only=True):
    window: str
    lines: tuple[LineYield, ...]


def yields_of(
    conn: sa.Connection, roster: Roster, window: Window, line: str | None, given: OeeGiven
) -> YieldsView:
    """Of every line that has a counter, or of one. Raises NotFoundError."""
    if line is not None and line not in roster.lines:
        raise NotFoundError(
            f"there is no line {line!r}", remedy=f"lines are {', '.join(sorted(roster.lines))}"
        )
    by_line: defaultdict[str, list[Series]] = defaultdict(list)
    for series in series_of(conn, roster, window):
        by_line[series.station.line].append(series)
    placed = set(line_settings(conn).station_of())
    wanted = sorted({one.line for one in roster.stations}) if line is None else [line]
    return YieldsView(
        window=window.name,
        lines=tuple(_line(code, by_line[code], placed, window, given) for code in wanted),
    )


def _line(
    code: str,
    found: list[Series],
    placed: set[tuple[str, str]],
    window: Window,
    given: OeeGiven,
) -> LineYield:
    by_station: defaultdict[str, list[Series]] = defaultdict(list)
    for series in found:
        by_station[series.code].append(series)
    stations = tuple(_station(name, of_one, window) for name, of_one in sorted(by_station.items()))
    total = whole(parts_of([one for one in found if one.line_total], window))
    in_file = bool(found) and all((one.counter.source, one.counter.tag) in placed for one in found)
    rolled, why = _rolled(stations, in_file=in_file)
    oee, missing = _oee(total, given)
    return LineYield(
        line=code,
        stations=stations,
        first_pass=_share(_first_pass(total)),
        rolled=_share(rolled),
        oee=oee,
        missing=(*why, *_no_yield(total), *missing, _NO_REWORK),
    )


_NO_ROUTING = (
    "the rolled yield needs every counter of the line at a [[station]] of the line file "
    "(hr-core line import): which stations a piece passes is not known"
)
_NO_REWORK = (
    "rework and scrap are not told apart by counters: a reject is a piece that was not good at "
    "first, and the final yield is not known"
)


def _station(name: str, found: Iterable[Series], window: Window) -> StationYield:
    known = list(found)
    total = whole(parts_of(known, window))
    return StationYield(
        station=name,
        pieces=total.pieces,
        rejects=total.rejects,
        first_pass=_share(_first_pass(total)),
        of_line=any(one.line_total for one in known),
    )


def _first_pass(total: Tally) -> Fraction | None:
    bad = rate(*total)
    return None if bad is None else 1 - bad


def _no_yield(total: Tally) -> tuple[str, ...]:
    if _first_pass(total) is not None:
        return ()
    if total == Tally():
        return ("no piece was counted: there is no yield",)
    return ("more rejects than pieces were counted: there is no yield (quality rates shows which)",)


def _rolled(
    stations: tuple[StationYield, ...], *, in_file: bool
) -> tuple[Fraction | None, tuple[str, ...]]:
    if not in_file:
        return None, (_NO_ROUTING,)
    without = [one.station for one in stations if one.first_pass.exact is None]
    if without:
        return None, (f"the rolled yield lacks {', '.join(without)}: no yield is known there",)
    shares = [Fraction(one.first_pass.exact or "0") for one in stations]
    return rolled_yield(shares), ()


def _oee(total: Tally, given: OeeGiven) -> tuple[OeeView, tuple[str, ...]]:
    planned, run, ideal = given.planned_min, given.run_min, given.ideal_cycle_s
    quality = _first_pass(total)
    good = total.pieces - total.rejects
    known = Oee(
        planned_s=Fraction((planned or 0) * 60),
        run_s=Fraction((run or 0) * 60),
        ideal_cycle_s=ideal or Fraction(0),
        total=total.pieces,
        good=good,
    )
    timed = quality is not None and ideal is not None
    view = OeeView(
        inputs={
            "planned_min": planned,
            "run_min": run,
            "ideal_cycle_s": None if ideal is None else str(ideal),
            "total": total.pieces,
            "good": None if quality is None else good,
        },
        availability=_share(known.availability if planned and run is not None else None),
        performance=_share(known.performance if run and timed else None),
        quality=_share(quality),
        oee=_share(known.value if planned and timed else None),
    )
    lacking = {
        "planned time (--planned-min)": planned is None,
        "run time (--run-min)": run is None,
        "ideal cycle (--ideal-cycle-s)": ideal is None,
    }
    return view, tuple(f"OEE: the {what} is not given" for what, is_so in lacking.items() if is_so)


def _share(number: Fraction | None) -> Share:
    if number is None:
        return Share(exact=None, percent=None)
    hundredths = (2 * number * 10_000 + 1) // 2
    return Share(
        exact=f"{number.numerator}/{number.denominator}",
        percent=f"{hundredths // 100}.{hundredths % 100:02d} %",
    )
