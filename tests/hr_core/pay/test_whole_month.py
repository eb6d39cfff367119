"""Everything that pay can do, in one month of one plant: each slip stands by every way of looking at it."""

import csv
import io
from collections import Counter

import pytest

from hr_core.approvals.desk import approve
from hr_core.approvals.effects import take_effect
from hr_core.clock import Month
from hr_core.errors import RefusedError
from hr_core.pay.changes import changes_since
from hr_core.pay.counted_lines import counted_lines
from hr_core.pay.debts import debts, owed_back
from hr_core.pay.diff.model import Cause
from hr_core.pay.entry import EntryKind
from hr_core.pay.export_template import load_template
from hr_core.pay.journal import Part, journal_of_run
from hr_core.pay.line_words import words_of
from hr_core.pay.pay_export import export_run
from hr_core.pay.proposals import EntryProposal, propose_entry
from hr_core.pay.run_life import RunState, state_of
from hr_core.pay.slip import Side
from hr_core.pay.slip_text import paid_slip, slip_text
from hr_core.pay.slip_workbook import slip_workbook
from hr_core.pay.stored_diff import compare_runs
from hr_core.pay.would_differ import would_differ
from hr_core.pay.year_so_far import paid_tax
from hr_core.store.database import writing
from hr_core.store.results import lines_of_run, run_by_number
from hr_core.trace.calculation import replay
from hr_core.trace.explain import explain
from hr_core.trace.replayed_run import replay_run
from tests.hr_core.pay.approved_runs import ANN, BOB, approve_run
from tests.hr_core.pay.law_plant import amounts, line_of, refused, run_month, slip_of
from tests.hr_core.pay.spreadsheets import emptied, recomputed
from tests.hr_core.pay.whole_month import OCTOBER, PAID, SEPTEMBER, late_tally, whole_month

NOVEMBER = Month(2026, 11)
SEPTEMBER_RUN, RUN, AGAIN = 1, 2, 3


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    plant = whole_month(tmp_path_factory.mktemp("plant"))
    plant.run, plant.again = *run_month(plant), *run_month(plant)
    yield plant
    plant.engine.dispose()


@pytest.fixture
def conn(plant):
    with plant.engine.connect() as conn:
        yield conn


def test_everything_is_in_the_month(plant):
    run = plant.run
    codes = {line.code.partition(":")[0] for slip in run.slips for line in slip.lines}
    assert codes >= {
        "base", "floating", "allowance_1", "overtime_workday", "overtime_rest_day",
        "overtime_statutory_holiday", "instant_bonus_1", "untaxed_1", "annual_bonus_2", "bonus_tax",
        "advance_3", "sick_leave", "sick_pay", "piece", "piece_overtime_workday", "piece_rework",
        "piece_own_rework", "piece_group", "paid_leave", "minimum_wage_top_up", "scrap",
        "damages_4", "damages_5", "order_1", "retro_2026-09_base", "retro_2026-09_floating",
        "retro_2026-09_overtime_workday", "repaid_1", "recovery_2", "income_tax",
        "leave_pay", "severance", "notice_pay", "severance_tax",
    }  # fmt: skip
    assert {slip.number for slip in run.slips} == set(PAID)
    assert set(refused(run)) == {"nobody", "nowhere"}
    assert all(remedy for _, remedy in refused(run).values())
    assert line_of(run, "floating", "office").trace.facts["coefficient"] == "1.2"
    assert "1 of them unpaid leave" in line_of(run, "base", "away").note
    assert "13 of 21 paid days" in line_of(run, "base", "gone").note
    assert "15 of 21 paid days" in line_of(run, "base", "new").note


def test_each_line_replays_and_each_sum_is_the_sum_of_its_lines(plant, conn):
    found = replay_run(conn, RUN)
    assert (found.holds, found.people) == (True, len(PAID))
    for slip in plant.run.slips:
        sides = {side: sum(x.amount_fen for x in slip.lines if x.side is side) for side in Side}
        assert slip.total_fen == sides[Side.EARNED] + sides[Side.DEDUCTED] >= 0
        assert all(replay(line.trace) == line.amount_fen for line in slip.lines)


def test_september_holds_with_its_reversed_slips(conn):
    assert replay_run(conn, SEPTEMBER_RUN).holds
    counted = list(counted_lines(conn, [SEPTEMBER_RUN]))
    assert {one.person for one in counted if one.version == 2} == {"less", "more"}
    assert all(replay(one.line.trace) == one.line.amount_fen for one in counted)


def test_the_journal_is_the_slips(plant, conn):
    journal = journal_of_run(conn, RUN)
    assert journal.debit_fen == journal.credit_fen
    assert -journal.of(Part.NET) == sum(slip.total_fen for slip in plant.run.slips)
    assert {row.cost_centre for row in journal.rows} == {"C1", "L2"}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_each_line_has_its_words(conn, lang):
    for run in (SEPTEMBER_RUN, RUN):
        for person, lines in lines_of_run(conn, run).items():
            for line in lines:
                told = words_of(line, lang)
                assert told.name
                assert told.sentence
                assert "{" not in told.sentence
            assert slip_text(paid_slip(conn, run, person), lang)
    for one in counted_lines(conn, [SEPTEMBER_RUN]):
        assert words_of(one.line, lang).sentence


def test_why_it_is_more_or_less_than_september_adds_up(conn):
    for person in set(PAID) - {"new"}:
        found = changes_since(conn, RUN, person)
        told = sum(one.difference_fen for one in found.causes) + found.rest_fen
        assert told == found.after_fen - found.before_fen
    assert changes_since(conn, RUN, "new") is None
    (base, repaid) = changes_since(conn, RUN, "less").causes
    assert base.why[1] == "wage 10,000.00 → 11,000.00"
    assert repaid.kind == "repaid"


@pytest.mark.parametrize("person", PAID)
def test_each_line_is_explained_to_the_raw_bytes(conn, person):
    told = explain(conn, RUN, person)
    assert told.missing_events == ()
    stored = {line.code: line for line in lines_of_run(conn, RUN)[person]}
    for line in told.lines:
        trace = stored[line.line].trace
        assert line.replayed_fen == line.amount_fen
        assert (line.law, line.lines, line.entries) == (trace.law, trace.lines, trace.entries)
        assert [one.day for one in line.days] == [one.day for one in trace.days]
        assert line.tallies == trace.tallies
        assert {one.event.event_id for day in line.days for one in day.punches} >= {
            event for day in trace.days for event in day.event_ids
        }
        assert all(punch.event.raw for day in line.days for punch in day.punches)


def test_the_late_punch_of_september_is_explained_by_the_day_as_it_is_now(conn):
    (line,) = explain(conn, RUN, "away", "retro_2026-09_overtime_workday").lines
    (day,) = line.days
    assert (day.day, day.minutes, day.left) == ("2026-09-09", 120, "2026-09-09T19:05:00")


def test_the_same_again_is_identical_and_september_is_told_whole(conn):
    assert compare_runs(conn, RUN, RUN).identical
    assert compare_runs(conn, RUN, AGAIN).identical
    found = compare_runs(conn, SEPTEMBER_RUN, RUN, across_months=True)
    assert found.proof.holds
    assert [
        (one.person, one.code, one.parts, one.reasons) for one in found.lines if one.unexplained
    ] == []
    assert Cause.UNKNOWN not in found.by_cause()
    assert [one.person for one in found.only] == ["new"]


def test_the_bank_gets_the_nets_of_whom_it_can_pay(plant, conn):
    export = export_run(conn, RUN, load_template("bank"), trial=True)
    assert [one.person for one in export.left_out] == ["gone"]
    rows = list(csv.reader(io.StringIO(export.content.decode("gb18030"))))
    titles = next(row for row in rows if "用途" in row)
    at = titles.index("金额")
    told = [row[at] for row in rows if len(row) == len(titles) and "工资" in row]
    fen = sum(round(float(text) * 100) for text in told)
    nets = {slip.number: slip.total_fen for slip in plant.run.slips}
    assert fen == export.total_fen == sum(nets.values()) - nets["gone"]
    assert export.left_out_fen == nets["gone"]


def test_what_is_owed_is_what_was_taken_and_what_is_left(conn):
    for one in debts(conn, OCTOBER):
        assert one.taken.fen + one.left_fen == one.owed_fen
    assert [one.left_fen for one in owed_back(conn, OCTOBER)] == [100_000]
    left = {one.code: one.left_fen for one in debts(conn, NOVEMBER) if one.left_fen}
    assert left == {"order_1": 180_000, "recovery_2": 420_000, "scrap_2026-10": 382_599}


def test_damages_and_scrap_together_are_a_fifth_of_the_wage_at_most(plant):
    found = amounts(plant.run, "piece")
    earned = sum(x.amount_fen for x in plant.run.slips[6].lines if x.side is Side.EARNED)
    assert 5 * -(found["damages_5"] + found["scrap"]) <= earned


@pytest.fixture(scope="module")
def approved(tmp_path_factory):
    plant = whole_month(tmp_path_factory.mktemp("approved"))
    run_month(plant)
    approve_run(plant, OCTOBER)
    yield plant
    plant.engine.dispose()


class TestAfterApproval:
    def test_nothing_would_differ(self, approved):
        with approved.engine.connect() as conn:
            found = would_differ(conn, OCTOBER, approved.now)
        assert (found.run, found.differences, found.not_computed) == (RUN, (), ())

    def test_of_september_only_tax_would_that_october_withheld(self, approved):
        """What came late was paid by October, and the two slips were put anew."""
        with approved.engine.connect() as conn:
            found = would_differ(conn, SEPTEMBER, approved.now)
        (tax,) = found.differences
        assert (tax.person, tax.code, tax.fen) == ("office", "income_tax", -10_000)  # 10 % of 1,000

    def test_a_trial_beside_it_is_the_same(self, approved):
        (trial,) = run_month(approved)
        with approved.engine.connect() as conn:
            assert state_of(conn, RUN) is RunState.APPROVED
            assert run_by_number(conn, RUN).total_fen == sum(x.total_fen for x in trial.slips)
            assert compare_runs(conn, RUN, AGAIN).lines == ()


class TestLate:
    """What is entered for a month that two people approved."""

    @pytest.fixture
    def late(self, tmp_path):
        plant = whole_month(tmp_path)
        run_month(plant)
        approve_run(plant, OCTOBER)
        plant.press("1 2026-11-02T07:55", "1 2026-11-02T17:05", until="2026-11-20T00:00")
        yield plant
        plant.engine.dispose()

    def propose(self, plant, kind, month="2026-10", name="x"):
        new = EntryProposal(
            person="slow", month=month, kind=kind, name=name, amount_fen=70_000, reason="late"
        )
        with writing(plant.engine) as conn:
            number = propose_entry(conn, new, at=plant.now, by=ANN)
            take_effect(conn, approve(conn, number, at=plant.now, by=BOB))

    @pytest.mark.parametrize("kind", ["advance", "annual_bonus"])
    def test_what_no_later_slip_would_bring_is_refused(self, late, kind):
        with pytest.raises(RefusedError, match="approved run 2") as told:
            self.propose(late, EntryKind(kind))
        assert "enter it for the month" in told.value.remedy
        self.propose(late, EntryKind(kind), "2026-11")

    def test_late_sums_and_pieces_come_with_the_next_run(self, late):
        self.propose(late, EntryKind.BONUS)
        self.propose(late, EntryKind.UNTAXED, name="missed_meal")
        done = late_tally(late, "2026-10-15,piece,,P1,weld,10,,,,", "2026-10-14,,G1,P1,weld,50,,,,")
        assert done.paid_months == ("2026-10",)
        (run,) = run_month(late, month=NOVEMBER)
        found = [
            {
                line.code.removeprefix("retro_2026-10_"): line.amount_fen
                for line in slip_of(run, person).lines
                if line.code.startswith("retro_")
            }
            for person in ("piece", "slow")
        ]
        group = "piece_group:G1:P1:weld"
        assert found[0] == {"piece:P1:weld": 1_100, group: 2_455}
        assert found[1] == {
            group: 2_045, "bonus_6": 70_000, "entered_untaxed_7": 70_000,
            "minimum_wage_top_up": -72_045,
        }  # fmt: skip
        waits = line_of(run, "scrap_2026-10", "piece")
        assert waits.trace.facts["left_fen"] == "382599", "nothing was earned in November"
        for lang in ("zh", "en"):
            assert all(words_of(x, lang).sentence for slip in run.slips for x in slip.lines)
        income = paid_tax(line_of(run, "income_tax", "slow").trace).month.income
        assert income == slip_of(run, "slow").earned_fen - 70_000


@pytest.mark.slow
@pytest.mark.timeout(240)  # a spreadsheet program starts
def test_libreoffice_recomputes_every_fen(plant, conn, tmp_path):
    book = tmp_path / "month.xlsx"
    book.write_bytes(slip_workbook(conn, RUN).content)
    (found,) = recomputed(tmp_path, emptied(book, tmp_path / "empty.xlsx"))
    for slip in plant.run.slips:
        rows = found[slip.number]
        first = next(at for at, row in enumerate(rows) if row[2] != "")
        told = [row[1] for row in rows[first : first + len(slip.lines) + 1]]
        assert told == [*(line.amount_fen for line in slip.lines), slip.total_fen]
    assert Counter(len(name) > 0 for name in found)[True] >= len(PAID)
