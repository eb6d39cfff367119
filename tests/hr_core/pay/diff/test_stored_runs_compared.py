"""Stored runs of both databases: read, compared, replayed; unchanged traces are not decoded."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.day import DayResult, DayStatus
from hr_core.errors import NotFoundError
from hr_core.pay import read_ahead, stored_diff
from hr_core.pay.diff.runs import amounts, apply, compare
from hr_core.pay.slip import Slip
from hr_core.pay.stored_diff import compare_runs, run_side
from hr_core.store.database import writing
from hr_core.store.results import (
    NewRun,
    RefusedPerson,
    RunFindings,
    WithoutSlip,
    add_run,
    days_of,
    lines_of_run,
)
from hr_core.trace.replayed_run import replay_run
from tests.hr_core.pay.diff.slip_samples import (
    base,
    bonus,
    day_input,
    employer,
    overtime,
    pension,
    tax,
    with_amount,
)

AT = datetime(2026, 11, 1, tzinfo=UTC)


def stored(engine, slips, days=None, **findings):
    run = NewRun(
        month="2026-10", scheme="demo", scheme_version="demo/2025-01", created_at=AT,
        days=days or {},
        slips=tuple(
            Slip(number=number, name=f"name {number}", lines=lines, to_clarify=())
            for number, lines in slips.items()
        ),
        findings=RunFindings(**findings),
    )  # fmt: skip
    with writing(engine) as conn:
        return add_run(conn, run)


def lines(minutes=60, fen=600000):
    extra = overtime(day_input(12, minutes), base_fen=fen)
    return (base(fen), extra, pension(fen), tax(base(fen), extra), employer())


def test_both_databases_compare_and_replay(engine):
    stored(engine, {"E1": lines(), "E2": lines(), "E3": lines(fen=700000)})
    stored(
        engine, {"E1": lines(90), "E2": lines()},
        refused=(RefusedPerson(number="E3", what="no base", remedy="HR enters it"),),
        without_slip=(WithoutSlip(number="E9", why="left"),),
    )  # fmt: skip
    with engine.connect() as conn:
        found = compare_runs(conn, 1, 2)
        assert replay_run(conn, 1).holds
        assert replay_run(conn, 2).lines == 10
        assert apply(found, amounts(run_side(conn, 1))) == amounts(run_side(conn, 2))
    assert [(one.person, one.refused, one.remedy) for one in found.only] == [
        ("E3", True, "HR enters it")
    ]
    assert {line.person for line in found.lines} == {"E1", "E3"}
    assert (found.changed_people, found.same_people, found.unexplained) == (1, 1, 0)
    assert found.proof.holds


def test_only_traces_that_differ_are_read(sqlite_engine, monkeypatch):
    stored(sqlite_engine, {f"E{n}": lines() for n in range(9)})
    stored(sqlite_engine, {f"E{n}": lines(90 if n == 3 else 60) for n in range(9)})
    read = []
    decode = stored_diff._decode_trace
    monkeypatch.setattr(stored_diff, "_decode_trace", lambda raw: read.append(raw) or decode(raw))
    with sqlite_engine.connect() as conn:
        found = compare_runs(conn, 1, 2)
    assert {line.code for line in found.lines} == {"overtime", "tax"}
    assert len(read) == 2 * len(found.lines)


def worked(day, *, extra, rules):
    """A day by one of two rules, with a punch more or without."""
    return DayResult(
        day=date(2026, 10, day), kind=DayKind.WORKDAY, shift="D", status=DayStatus.PRESENT,
        used=(f"in{day}", *(["extra"] if extra else []), f"out{day}"), rule_version=rules,
    )  # fmt: skip


def slip_and_days(fen, minutes, version, spoilt):
    """`minutes`: of overtime on the 12th, 13th …; `spoilt`: fen that somebody added to a line."""
    extra = overtime(*(day_input(12 + at, one) for at, one in enumerate(minutes)), base_fen=fen)
    lines = [
        base(fen),
        extra,
        pension(fen, version=version),
        tax(base(fen), extra),
        bonus(fen // 9),
    ]
    lines = [line for line in lines if line.amount_fen]
    lines[-1] = with_amount(lines[-1], lines[-1].amount_fen + spoilt)
    days = tuple(worked(12 + at, extra=one == 60, rules=version) for at, one in enumerate(minutes))
    return tuple(lines), days


RUNS = st.dictionaries(
    st.sampled_from([f"E{n}" for n in range(6)]),
    st.builds(
        slip_and_days,
        st.sampled_from([900, 600_000, 700_000]),
        st.lists(st.sampled_from([0, 60, 90]), max_size=3),
        st.sampled_from(["sh/2025", "sh/2026"]),
        st.sampled_from([0, 0, 0, 5]),
    ),
)


def plain_side(conn, number):
    """Everything decoded and held, one person after the other."""
    side = run_side(conn, number)
    lines = {person: tuple(found) for person, found in lines_of_run(conn, number).items()}
    return replace(
        side,
        slips={person: replace(one, lines=lines[person]) for person, one in side.slips.items()},
        traced=lines.get,
        days=lambda person: {day.day.isoformat(): day for day in days_of(conn, number, person)},
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(first=RUNS, second=RUNS)
def test_what_is_read_ahead_and_left_out_changes_no_byte(sqlite_engine, monkeypatch, first, second):
    monkeypatch.setattr(read_ahead, "_AT_ONCE", 2)
    pair = [
        stored(
            sqlite_engine,
            {person: lines for person, (lines, _) in run.items() if lines},
            {person: days for person, (_, days) in run.items()},
        )
        for run in (first, second)
    ]
    with sqlite_engine.connect() as conn:
        plain = compare(*(plain_side(conn, number) for number in pair))
        assert compare_runs(conn, *pair) == plain


def test_the_digest_is_of_everything_that_a_run_says(sqlite_engine):
    for slips in ({"E1": lines()}, {"E1": lines()}, {"E1": lines(61)}, {"E2": lines()}):
        stored(sqlite_engine, slips)
    with sqlite_engine.connect() as conn:
        digests = [run_side(conn, number).head.digest for number in (1, 2, 3, 4)]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_a_run_that_is_not_there(sqlite_engine):
    with sqlite_engine.connect() as conn, pytest.raises(NotFoundError, match="no pay run 1"):
        compare_runs(conn, 1, 2)
