"""A run from its traces alone, and the ways in which one may be written over."""

import msgspec
import pytest
import sqlalchemy as sa

from hr_core.errors import NotFoundError
from hr_core.store.results import pay_lines, pay_runs, pay_slips
from hr_core.trace.calculation import Trace
from hr_core.trace.explain import explain
from hr_core.trace.replayed_run import line_count, replay_run
from tests.hr_core.pay.law_plant import SHANGHAI, agree, enter, law_plant, run_month


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    plant = law_plant(tmp_path_factory.mktemp("replayed"))
    agree(plant)
    agree(plant, person="E2", terms=SHANGHAI)
    enter(plant, "bonus", 5_000_000)
    run_month(plant)
    yield plant.engine
    plant.engine.dispose()


@pytest.fixture
def conn(database):
    """Whatever a test writes over is undone."""
    with database.connect() as conn:
        yield conn
        conn.rollback()


def told(conn):
    return [(one.number, one.line, one.what) for one in replay_run(conn, 1).mismatches]


def write(conn, values, code="base", number="E1"):
    mine = (pay_lines.c.code == code) & (pay_lines.c.number == number)
    conn.execute(sa.update(pay_lines).where(mine).values(**values))


def test_every_line_of_a_run_by_law_replays(conn):
    steps = []
    found = replay_run(conn, 1, steps.append)
    assert found.holds
    assert (found.people, found.lines) == (2, line_count(conn, 1))
    stored = conn.execute(sa.select(pay_runs.c.total_fen)).scalar_one()
    assert found.total_fen == stored


def test_an_amount_that_was_written_over_is_found_with_its_sums(conn):
    write(conn, {"amount_fen": 1_000_001})
    (base, tax, total) = told(conn)
    assert base == ("E1", "base", "the trace gives 1000000 fen, stored are 1000001")
    assert tax == ("E1", "income_tax", "it took line base as 1000000 fen, the slip has 1000001")
    assert total[:2] == ("E1", "")


def test_a_step_that_was_written_over_is_found(conn):
    trace = conn.execute(
        sa.select(pay_lines.c.trace).where(
            pay_lines.c.code == "pension_employee", pay_lines.c.number == "E2"
        )
    ).scalar_one()
    decoded = msgspec.json.decode(trace)
    decoded["steps"][0]["of"] = [1]
    write(conn, {"trace": msgspec.json.encode(decoded)}, "pension_employee", "E2")
    ((number, line, what),) = told(conn)
    assert (number, line) == ("E2", "pension_employee")
    assert "step base gives 1, stored 1000000" in what


@pytest.mark.parametrize(
    "trace",
    [
        b"{}",
        b"\xff",
        msgspec.json.encode(Trace(rule="", version="", source="", formula="", steps=())),
    ],
)
def test_a_trace_that_cannot_be_read_is_a_mismatch_and_no_crash(conn, trace):
    write(conn, {"trace": trace})
    assert [line for _, line, _ in told(conn)] == ["base"]
    assert "cannot be computed" in told(conn)[0][2]


def test_sums_of_slip_and_run(conn):
    conn.execute(sa.update(pay_slips).where(pay_slips.c.number == "E2").values(total_fen=1))
    lines = [(number, line) for number, line, _ in told(conn)]
    assert lines == [("E2", ""), ("", "")]


def test_a_slip_without_its_lines(conn):
    conn.execute(sa.delete(pay_lines).where(pay_lines.c.number == "E2"))
    assert [(number, line) for number, line, _ in told(conn)] == [("E2", "")]


def test_an_unknown_run(conn):
    with pytest.raises(NotFoundError, match="no pay run 7"):
        replay_run(conn, 7)


def test_explain_names_law_agreement_entries_and_other_lines(conn):
    explained = explain(conn, 1, "E1")
    lines = {line.line: line for line in explained.lines}
    pension = lines["pension_employee"]
    assert (pension.side, pension.law[0].status) == ("deducted", "secondary")
    assert pension.law[0].source
    assert lines["base"].agreements == {"1": "from 2026-01-01, entered by Wu, approved by Zhao"}
    (bonus,) = (line for line in explained.lines if line.entries)
    assert (bonus.entries[0].entered_by, bonus.entries[0].approved_by) == ("Wu", "Zhao")
    assert {one.code for one in lines["income_tax"].lines} == {
        "base",
        "overtime_workday",
        bonus.line,
    }
    assert all(line.replayed_fen == line.amount_fen for line in explained.lines)
    overtime = lines["overtime_workday"].days[0]
    assert all(punch.event.raw for punch in overtime.punches)
