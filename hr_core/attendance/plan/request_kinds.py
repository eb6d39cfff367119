"""Which kinds of leave may be asked for, and in which units."""

from enum import StrEnum
from functools import cache

from msgspec import Struct

from hr_core.attendance.plan.request import Leave, RefusedRequestError
from hr_core.data_files import load


class LeaveUnit(StrEnum):
    DAY = "day"
    HALF_DAY = "half_day"
    HOURS = "hours"


class LeaveKind(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    code: str
    name: str
    name_zh: str
    units: tuple[LeaveUnit, ...]


class RequestKinds(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: str
    source: str
    leave: tuple[LeaveKind, ...]


@cache
def load_request_kinds() -> RequestKinds:
    return load("request_kinds.toml", RequestKinds)


def refuse_unknown_leave(leave: Leave, kinds: RequestKinds) -> None:
    """Raises RefusedRequestError for a kind that is not there, or not in the asked unit."""
    by_code = {kind.code: kind for kind in kinds.leave}
    kind = by_code.get(leave.leave)
    if kind is None:
        raise RefusedRequestError(
            "kind", f"no leave is called {leave.leave!r}", remedy=f"use one of {', '.join(by_code)}"
        )
    unit = _unit(leave)
    if unit not in kind.units:
        raise RefusedRequestError(
            "unit",
            f"{kind.name} ({kinds.version}) is not taken by {unit}",
            remedy=f"ask for it by {' or '.join(kind.units)}",
        )


def _unit(leave: Leave) -> LeaveUnit:
    if leave.start_min is not None:
        return LeaveUnit.HOURS
    return LeaveUnit.HALF_DAY if leave.begins_midday or leave.ends_midday else LeaveUnit.DAY
