"""Stored runs of both databases: read, compared, replayed; unchanged traces are not decoded."""

from datetime import UTC, datetime

import pytest

from hr_core.errors import NotFoundError
from hr_core.pay import stored_diff
from hr_core.pay.diff.runs import amounts, apply
from hr_core.pay.slip import Slip
from hr_core.pay.stored_diff import compare_runs, run_side
from hr_core.store.database import writing
from hr_core.store.results import NewRun, RefusedPerson, RunFindings, WithoutSlip, add_run
from hr_core.trace.replayed_run import replay_run
from tests.hr_core.pay.diff.slip_samples import base, day_input, employer, overtime, pension, tax

AT = datetime(2026, 11, 1, tzinfo=UTC)


def stored(engine, slips, **findings):
    run = NewRun(
        month="2026-10", scheme="demo", scheme_version="demo/2025-01", created_at=AT, days={},
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
    assert len(read) == 2 * len(lines())


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
