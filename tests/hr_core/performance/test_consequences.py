"""What grades lead to: each once, money through a second person, nobody leaves by itself."""

from datetime import UTC, date, datetime
from fractions import Fraction

import pytest
import sqlalchemy as sa

from hr_core.approvals.desk import Actor, ApprovalState, approval, approve, open_approvals, refuse
from hr_core.approvals.effects import take_effect
from hr_core.approvals.kinds import Kind
from hr_core.audit.log import entries
from hr_core.clock import Month
from hr_core.errors import RefusedError
from hr_core.pay.agreement import PayAgreement, on_day
from hr_core.performance.appealing import appeal_score, review
from hr_core.performance.follow_up import add_goal, end_task, follow_up, statuses
from hr_core.performance.results import locked_results
from hr_core.quality.month import Tally
from hr_core.store.appeals import Outcome
from hr_core.store.consequences import (
    ConsequenceKind,
    PlanGoal,
    consequences,
    consequences_where,
    goals_of_plan,
)
from hr_core.store.database import writing
from hr_core.store.pay_agreements import agreements_until
from hr_core.store.pay_entries import entries_of_month
from hr_core.store.person_records import merged_people
from tests.hr_core.performance.score_desk import BOSS, HR, NOW, OTHER, WORKER, act, locked
from tests.hr_core.two_people import agreement_by_two

A, B, C, D = Tally(1000, 19), Tally(1000, 30), Tally(1000, 31), Tally(1000, 51)


def agreed(conn, base_fen=600_000, since=date(2026, 1, 1)):
    terms = PayAgreement(base_fen=base_fen, city="上海")
    return agreement_by_two(conn, WORKER, since, terms, by=(HR, OTHER), at=NOW)


def of_rate(conn, tally, period="2026-10", at=NOW):
    return locked(conn, "80", period=period, scheme="workshop", tally=tally, at=at)


def kinds(found):
    return sorted(one.kind for one in found.made)


def by_kind(found, kind):
    return next(one for one in found.made if one.kind == kind)


def approved(conn, number, who=OTHER):
    done = approve(conn, number, at=NOW, by=Actor(who))
    take_effect(conn, done)


def test_a_raises_from_the_next_period_after_a_second_person(engine):
    with writing(engine) as conn:
        first = agreed(conn)
        assert of_rate(conn, A).grade == "A"
        found = follow_up(conn, "2026-10", act(HR))
        assert kinds(found) == ["raise", "team_lead_candidate", "training"]
        assert by_kind(found, "training").detail == {"course": "质量管控"}
        proposal = by_kind(found, "raise")
        assert proposal.detail == {
            "percent": "15",
            "before_fen": 600_000,
            "after_fen": 690_000,
            "valid_from": "2026-11-01",
            "agreement": first,
        }
        held = agreements_until(conn, date(2026, 12, 1))[WORKER]
        assert on_day(held, date(2026, 11, 1)).number == first  # nothing is raised yet
        with pytest.raises(RefusedError, match="was entered by H1"):
            approve(conn, proposal.approval, at=NOW, by=Actor(HR))
        approved(conn, proposal.approval)
        held = agreements_until(conn, date(2026, 12, 1))[WORKER]
        assert on_day(held, date(2026, 10, 31)).terms.base_fen == 600_000
        raised = on_day(held, date(2026, 11, 1))
    assert raised.terms == PayAgreement(base_fen=690_000, city="上海")
    assert (raised.entered_by, raised.approved_by) == (HR, OTHER)


def test_b_is_a_bonus_once_of_the_months_pay(engine):
    with writing(engine) as conn:
        agreed(conn)
        of_rate(conn, B)
        found = follow_up(conn, "2026-10", act(HR))
        assert kinds(found) == ["bonus", "training"]
        assert entries_of_month(conn, "2026-10") == {}
        approved(conn, by_kind(found, "bonus").approval)
        (entry,) = entries_of_month(conn, "2026-10")[WORKER]
        assert (entry.kind, entry.amount_fen) == ("grade_bonus", 120_000)
        assert kinds(follow_up(conn, "2026-10", act(HR))) == []


def test_c_opens_a_plan_with_goals_and_dates_and_changes_no_pay(engine):
    with writing(engine) as conn:
        agreed(conn)
        of_rate(conn, C)
        found = follow_up(conn, "2026-10", act(HR))
        (plan,) = found.made
        assert plan.kind == ConsequenceKind.IMPROVEMENT_PLAN
        assert plan.detail == {"begins": "2026-11-01", "due": "2027-02-01", "with": [BOSS]}
        first = PlanGoal(text="次品率 defect rate: 31/1000 → 3 %", due=date(2027, 2, 1))
        assert goals_of_plan(conn, plan.number) == [first]
        add_goal(
            conn, plan.number, PlanGoal(text="press training", due=date(2026, 12, 1)), act(BOSS)
        )
        assert len(goals_of_plan(conn, plan.number)) == 2
        assert open_approvals(conn) == []


def test_the_goals_of_a_plan_by_score_are_the_weak_indicators(engine):
    with writing(engine) as conn:
        locked(conn, "70")
        (plan,) = follow_up(conn, "2026-10", act(HR)).made
        texts = [one.text for one in goals_of_plan(conn, plan.number)]
    assert texts == ["output: 70 → 80", "care: 70 → 80"]


def test_d_is_a_task_now_and_a_leaving_proposal_after_three_months_in_a_row(engine):
    with writing(engine) as conn:
        agreed(conn)
        for month in ("2026-08", "2026-09"):
            of_rate(conn, D, month)
            assert kinds(follow_up(conn, month, act(HR))) == ["transfer_proposal"]
        of_rate(conn, D)
        found = follow_up(conn, "2026-10", act(HR))
        assert kinds(found) == ["leaving_proposal", "transfer_proposal"]
        assert by_kind(found, "leaving_proposal").detail == {
            "grade": "D",
            "periods": ["2026-08", "2026-09", "2026-10"],
            "decided_by": "people",
        }
        assert by_kind(found, "transfer_proposal").detail == {"to": "辅助岗位"}
        # It is a row for HR and nothing else: no approval that would do something.
        assert open_approvals(conn) == []
        assert by_kind(found, "leaving_proposal").approval is None


@pytest.mark.parametrize(
    "months", [(("2026-08", D), ("2026-09", C)), (("2026-07", D), ("2026-08", D))]
)
def test_a_better_month_or_a_month_without_a_grade_breaks_the_row(engine, months):
    with writing(engine) as conn:
        for month, tally in months:
            of_rate(conn, tally, month)
        of_rate(conn, D)
        assert kinds(follow_up(conn, "2026-10", act(HR))) == ["transfer_proposal"]


def test_too_few_pieces_lead_to_nothing(engine):
    with writing(engine) as conn:
        made = of_rate(conn, Tally(10, 0))
        assert (made.grade, made.coefficient) == (None, None)
        assert follow_up(conn, "2026-10", act(HR)).made == ()


def test_the_general_scheme_raises_by_ten_percent_and_tells_hr_of_a_d(engine):
    with writing(engine) as conn:
        agreed(conn)
        locked(conn, "95")
        found = follow_up(conn, "2026-10", act(HR))
        assert by_kind(found, "raise").detail["after_fen"] == 660_000
        assert by_kind(found, "training").detail == {"course": "团队管理"}
        locked(conn, "30", period="2026-09")
        assert kinds(follow_up(conn, "2026-09", act(HR))) == ["hr_notice"]


def test_a_second_run_makes_nothing(engine):
    with writing(engine) as conn:
        agreed(conn)
        of_rate(conn, A)
        first = follow_up(conn, "2026-10", act(HR))
        again = follow_up(conn, "2026-10", act(OTHER))
        assert (again.made, again.withdrawn, again.kept) == ((), (), len(first.made))
        assert len(open_approvals(conn)) == 1


def test_the_database_refuses_a_second_row_of_the_same(engine):
    with writing(engine) as conn:
        of_rate(conn, C)
        (plan,) = follow_up(conn, "2026-10", act(HR)).made
        row = dict(conn.execute(sa.select(consequences)).mappings().one())
        del row["number"]
    with pytest.raises(sa.exc.IntegrityError), writing(engine) as conn:
        conn.execute(consequences.insert().values(row))
    assert plan.once == row["once"]


def test_one_raise_a_rating_year(engine):
    with writing(engine) as conn:
        agreed(conn, since=date(2025, 1, 1))
        for month in ("2025-12", "2026-09", "2026-10"):
            of_rate(conn, A, month)
        for month, raises in (("2025-12", 1), ("2026-09", 1), ("2026-10", 0)):
            found = follow_up(conn, month, act(HR))
            assert kinds(found).count("raise") == raises


def test_without_an_agreement_the_rest_is_made_and_the_raise_waits(engine):
    with writing(engine) as conn:
        of_rate(conn, A)
        found = follow_up(conn, "2026-10", act(HR))
        assert kinds(found) == ["team_lead_candidate", "training"]
        assert "no pay agreement of E1 holds on 2026-11-01" in found.not_made[0].what
        agreed(conn)
        assert kinds(follow_up(conn, "2026-10", act(HR))) == ["raise"]


def test_nobody_approves_the_own_raise(engine):
    with writing(engine) as conn:
        agreed(conn)
        of_rate(conn, A)
        number = by_kind(follow_up(conn, "2026-10", act(HR)), "raise").approval
    with pytest.raises(RefusedError, match="is about the pay of E1"), writing(engine) as conn:
        approved(conn, number, WORKER)
    with engine.connect() as conn:
        assert approval(conn, number).state is ApprovalState.PROPOSED


def test_a_raise_of_an_agreement_that_changed_meanwhile_is_refused(engine):
    with writing(engine) as conn:
        agreed(conn)
        of_rate(conn, A)
        number = by_kind(follow_up(conn, "2026-10", act(HR)), "raise").approval
        agreed(conn, 650_000, date(2026, 11, 1))
        with pytest.raises(RefusedError, match="is another one than when"):
            approved(conn, number)


def appealed(conn, mark):
    number = appeal_score(conn, WORKER, "2026-10", "not right", act(WORKER))
    marks = {"output": Fraction(mark), "care": Fraction(mark)}
    review(conn, number, Outcome.CHANGED, marks, "looked again", act(OTHER))


def test_a_new_version_withdraws_what_no_longer_follows(engine):
    with writing(engine) as conn:
        agreed(conn)
        locked(conn, "70")
        (plan,) = follow_up(conn, "2026-10", act(HR)).made
        appealed(conn, 95)
        found = follow_up(conn, "2026-10", act(HR))
        assert [one.number for one in found.withdrawn] == [plan.number]
        [told] = entries(conn, subject=f"person {WORKER}", action="consequence.withdraw")
        assert told.after["consequence"] == plan.number
        assert kinds(found) == ["raise", "training"]
        assert follow_up(conn, "2026-10", act(HR)).made == ()


@pytest.mark.parametrize("decided", [False, True])
def test_money_of_a_version_that_no_longer_stands(engine, decided):
    """Open: taken from the desk. Approved: people settle it, and see by how much."""
    with writing(engine) as conn:
        agreed(conn)
        locked(conn, "95")
        proposal = by_kind(follow_up(conn, "2026-10", act(HR)), "raise")
        if decided:
            approved(conn, proposal.approval)
        appealed(conn, 85)
        found = follow_up(conn, "2026-10", act(HR))
        state = approval(conn, proposal.approval).state
    if decided:
        assert state is ApprovalState.APPROVED
        assert by_kind(found, "take_back").detail["after_fen"] == 660_000
    else:
        assert state is ApprovalState.WITHDRAWN
        assert "take_back" not in kinds(found)


def test_what_comes_back_with_a_third_version_is_made_again(engine):
    with writing(engine) as conn:
        locked(conn, "70")
        follow_up(conn, "2026-10", act(HR))
        appealed(conn, 85)
        assert len(follow_up(conn, "2026-10", act(HR)).withdrawn) == 1
        number = appeal_score(conn, WORKER, "2026-10", "still", act(WORKER))
        review(conn, number, Outcome.CHANGED, {"output": Fraction(60)}, "no", act(HR))
        (plan,) = follow_up(conn, "2026-10", act(HR)).made
        assert plan.once.endswith("#2")
        assert follow_up(conn, "2026-10", act(HR)).made == ()


def test_a_task_is_ended_once_by_somebody_else(engine):
    with writing(engine) as conn:
        agreed(conn)
        of_rate(conn, A)
        found = follow_up(conn, "2026-10", act(HR))
        training, proposal = by_kind(found, "training"), by_kind(found, "raise")
        with pytest.raises(RefusedError, match="is about E1"):
            end_task(conn, training.number, "done", act(WORKER))
        with pytest.raises(RefusedError, match="is decided as approval"):
            end_task(conn, proposal.number, "done", act(BOSS))
        end_task(conn, training.number, "course of 12 November", act(BOSS))
        with pytest.raises(RefusedError, match="is done already"):
            end_task(conn, training.number, "again", act(BOSS))
        refuse(conn, proposal.approval, at=NOW, by=Actor(OTHER), reason="no money")
        states = {one.row.kind: one.state for one in statuses(conn, consequences_where(conn))}
        assert states == {"training": "done", "raise": "refused", "team_lead_candidate": "open"}
        # A refusal stays one: the next run does not ask again.
        assert follow_up(conn, "2026-10", act(HR)).made == ()


def test_a_proposal_names_its_kind_on_the_desk(engine):
    with writing(engine) as conn:
        agreed(conn)
        of_rate(conn, A)
        of_rate(conn, B, "2026-09")
        for month in ("2026-09", "2026-10"):
            follow_up(conn, month, act(HR, datetime(2026, 11, 6, tzinfo=UTC)))
        assert [one.kind for one in open_approvals(conn)] == [Kind.PAY_ENTRY, Kind.PAY_AGREEMENT]


def test_a_merged_record_has_no_second_raise(engine):
    with writing(engine) as conn:
        agreed(conn)
        agreement_by_two(
            conn, "E0", date(2025, 1, 1), PayAgreement(base_fen=500_000), by=(HR, OTHER), at=NOW
        )
        locked(conn, "95", person="E0", period="2026-09")
        locked(conn, "95")
        assert kinds(follow_up(conn, "2026-09", act(HR))) == ["raise", "training"]
        conn.execute(merged_people.insert().values(person="E0", into=WORKER))
        assert kinds(follow_up(conn, "2026-09", act(HR))) == []
        assert kinds(follow_up(conn, "2026-10", act(HR))) == ["training"]
        assert set(locked_results(conn, Month(2026, 9))) == {WORKER}


def test_of_two_records_of_one_human_the_later_result_counts(engine):
    with writing(engine) as conn:
        locked(conn, "70", person="E0")
        locked(conn, "30")
        conn.execute(merged_people.insert().values(person="E0", into=WORKER))
        for made in (["hr_notice"], [], []):
            found = follow_up(conn, "2026-10", act(HR))
            assert (kinds(found), found.withdrawn) == (made, ())
