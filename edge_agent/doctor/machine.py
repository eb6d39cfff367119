"""Python and the gateway's clock."""

import importlib.util
import sys
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from edge_agent.doctor.findings import Code, Finding, bad, good, warn

OLDEST_PYTHON = (3, 11)
# This file was written in 2026: a clock that shows less has lost its battery.
EARLIEST_PLAUSIBLE_YEAR = 2026
CORE_MODULES = ("sqlalchemy", "alembic", "starlette", "uvicorn", "jinja2", "babel")


def check_python(version: Sequence[int], prefix: str, base_prefix: str) -> Finding:
    """`prefix` and `base_prefix` as in `sys`: they differ inside a venv."""
    where = f"python {'.'.join(map(str, version[:3]))}"
    if tuple(version[:2]) < OLDEST_PYTHON:
        return bad(
            Code.PYTHON,
            where,
            "is too old",
            f"Install Python {OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]} or newer and reinstall",
        )
    if prefix == base_prefix:
        return warn(
            Code.NO_VENV,
            where,
            "runs outside a virtual environment, so other programs can change its libraries",
            "Install clockline into its own venv: python3 -m venv /opt/clockline",
        )
    return good(Code.PYTHON, where, f"in its own environment {prefix}")


def check_core_extra(modules: Sequence[str] = CORE_MODULES) -> Finding:
    """Whether `hr-core` and `edge-agent demo` can run on this machine."""
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        return warn(
            Code.CORE_EXTRA,
            sys.prefix,
            f"the HR core cannot run here: {', '.join(missing)} not installed",
            "pip install 'clockline[core]'",
        )
    return good(Code.CORE_EXTRA, sys.prefix, "the HR core can run here")


def check_zone(zone: str, now: datetime) -> Finding:
    """`zone` was judged with the site file; here it is shown so that a person can compare."""
    wall = now.astimezone(ZoneInfo(zone))
    return good(Code.ZONE, f"zone {zone}", f"it is now {wall:%Y-%m-%d %H:%M} there (UTC{wall:%z})")


def check_clock(now: datetime, last_stored: datetime | None) -> Finding:
    """`now` is the gateway's clock, `last_stored` when the newest record arrived, both aware."""
    where = "gateway clock"
    if now.year < EARLIEST_PLAUSIBLE_YEAR:
        return bad(
            Code.CLOCK_UNSET,
            where,
            f"shows {now:%Y-%m-%d %H:%M} UTC, before this program was written",
            "Set it (timedatectl set-ntp true) and check the battery of the real-time clock",
        )
    if last_stored is not None and now < last_stored:
        return bad(
            Code.CLOCK_BEHIND_SPOOL,
            where,
            f"shows {now:%Y-%m-%d %H:%M} UTC, but a record arrived at "
            f"{last_stored:%Y-%m-%d %H:%M} UTC",
            "Set it (timedatectl set-ntp true); records received since are flagged",
        )
    return good(Code.CLOCK_UNSET, where, f"shows {now:%Y-%m-%d %H:%M} UTC, which is plausible")
