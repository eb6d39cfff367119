"""Self and manager apart, a reason where they differ, one lock, and what cannot be changed after."""

from fractions import Fraction

import pytest
import sqlalchemy as sa

from hr_core.accounts.management import Act as AccountAct
from hr_core.accounts.management import NewAccount, add_account, set_disabled
from hr_core.accounts.model import Role
from hr_core.audit import log
from hr_core.errors import NotFoundError, RefusedError
from hr_core.performance.acting import deed_of
from hr_core.performance.assessing import (
    enter_marks,
    excuse_side,
    explain_deviation,
    view_of,
    withdraw_assessment,
)
from hr_core.performance.content import content_of
from hr_core.performance.locking import give_feedback, lock_score
from hr_core.performance.score_rules import Combination, shipped_rules
from hr_core.performance.signers import is_hr
from hr_core.performance.two_way import Marks, Weighted, combined, post_score
from hr_core.store.assessments import assessment_sides, assessments
from hr_core.store.database import writing
from hr_core.store.person_records import merged_people
from hr_core.store.score_results import (
    feedback_of,
    newest_result,
    result_by_number,
    score_results,
)
from tests.hr_core.performance.score_desk import (
    BOSS,
    HR,
    NOW,
    OTHER,
    WORKER,
    act,
    entered,
    indicators,
    locked,
    marked,
    opened,
)

RULE = Combination(Fraction(0), Fraction(30), Fraction(70))


def test_neither_side_sees_the_other_before_both_are_in(engine):
    with writing(engine) as conn:
        number = opened(conn)
        entered(conn, number, "manager", BOSS, output="70", care="90")
        for reader in (WORKER, HR, OTHER):
            seen = view_of(conn, number, act(reader))
            assert seen.manager.given
            assert seen.manager.marks is None
            assert not seen.manager.visible
        assert view_of(conn, number, act(BOSS)).manager.marks == {"output": "70", "care": "90"}
        # The log of changes, which others read, has no mark either.
        assert "70" not in str(log.entries(conn, action="assessment.side")[0].after)
        entered(conn, number, "self", WORKER, output="80", care="90")
        seen = view_of(conn, number, act(WORKER))
        assert seen.both_in
        assert seen.manager.marks == {"output": "70", "care": "90"}
        assert seen.to_explain == ("output",)


def test_a_side_that_is_alone_may_mend_its_marks_and_then_never_again(engine):
    with writing(engine) as conn:
        number = opened(conn)
        entered(conn, number, "self", WORKER, output="8", care="90")
        entered(conn, number, "self", WORKER, output="80", care="90")
        entered(conn, number, "manager", BOSS, output="80", care="90")
        with pytest.raises(RefusedError, match="frozen"):
            entered(conn, number, "manager", BOSS, output="81", care="90")
    with pytest.raises(sa.exc.IntegrityError, match="frozen"), writing(engine) as conn:
        conn.execute(assessment_sides.update().values(marks='{"output":"100","care":"100"}'))


def test_marks_of_somebody_else_of_half_a_card_or_beyond_the_scale_are_refused(engine):
    with writing(engine) as conn:
        number = opened(conn)
        for who in (BOSS, HR, OTHER):
            with pytest.raises(RefusedError, match="is not the self side"):
                entered(conn, number, "self", who, output="80", care="90")
        with pytest.raises(RefusedError, match=r"without a mark \['care'\], unknown \['speed'\]"):
            entered(conn, number, "self", WORKER, output="80", speed="90")
        with pytest.raises(RefusedError, match=r"a mark of 100\.5"):
            entered(conn, number, "self", WORKER, output="100.5", care="90")


def test_a_deviation_needs_its_reason_before_the_lock(engine):
    with writing(engine) as conn:
        number = opened(conn)
        entered(conn, number, "self", WORKER, output="90", care="90")
        entered(conn, number, "manager", BOSS, output="85", care="90")
        with pytest.raises(RefusedError, match="lie apart on output"):
            lock_score(conn, WORKER, "2026-10", "general", None, act(HR))
        with pytest.raises(RefusedError, match="not a side"):
            explain_deviation(conn, number, "output", "because", act(OTHER))
        with pytest.raises(RefusedError, match="waits for no reason"):
            explain_deviation(conn, number, "care", "because", act(BOSS))
        explain_deviation(conn, number, "output", "two late orders", act(BOSS))
        made = lock_score(conn, WORKER, "2026-10", "general", None, act(HR))
    # 0.6 x (0.3 x 90 + 0.7 x 85) + 0.4 x 90
    assert made.score == Fraction("87.9")
    assert (made.grade, made.coefficient, made.version) == ("B", 1, 1)


def test_a_tolerance_lets_a_small_deviation_pass():
    assert Marks(None, Fraction(90), Fraction(85)).differ(Fraction(4))
    assert not Marks(None, Fraction(90), Fraction(85)).differ(Fraction(5))
    assert not Marks(None, None, Fraction(85)).differ(Fraction(0))


def test_the_lock_waits_for_both_sides_and_for_somebody_else(engine):
    with writing(engine) as conn:
        number = opened(conn)
        entered(conn, number, "self", WORKER, output="80", care="90")
        with pytest.raises(RefusedError, match="lacks the manager side"):
            lock_score(conn, WORKER, "2026-10", "general", None, act(HR))
        entered(conn, number, "manager", BOSS, output="80", care="90")
        for who in (act(WORKER), act(BOSS), act("second-login", also=(BOSS,))):
            with pytest.raises(RefusedError, match="cannot lock it"):
                lock_score(conn, WORKER, "2026-10", "general", None, who)
        early = act(HR, NOW.replace(month=10))
        with pytest.raises(RefusedError, match="ends before 2026-11-01"):
            lock_score(conn, WORKER, "2026-10", "general", None, early)
        with pytest.raises(RefusedError, match="do not say what grades the scheme 'board'"):
            lock_score(conn, WORKER, "2026-10", "board", None, act(HR))
        lock_score(conn, WORKER, "2026-10", "general", None, act(HR))
        with pytest.raises(RefusedError, match="locked already"):
            lock_score(conn, WORKER, "2026-10", "general", None, act(HR))
        with pytest.raises(RefusedError, match="is locked"):
            opened(conn, post="second")


@pytest.mark.parametrize(
    "change",
    [
        score_results.update().values(score="100"),
        score_results.delete(),
        assessments.update().values(rater="E9"),
    ],
)
def test_the_database_itself_keeps_a_locked_score(engine, change):
    with writing(engine) as conn:
        number = locked(conn, "80").number
    with pytest.raises(sa.exc.IntegrityError), writing(engine) as conn:
        conn.execute(change)
    with engine.connect() as conn:
        assert result_by_number(conn, number).score == 80


def test_the_database_refuses_a_lock_by_the_rater_and_by_the_rated(engine):
    with writing(engine) as conn:
        row = result_by_number(conn, locked(conn, "80").number)
    columns = {name: getattr(row, name) for name in row.__struct_fields__ if name != "number"}
    columns |= {"score": "100", "coefficient": None, "version": 2}
    for who in (BOSS, WORKER):
        with pytest.raises(sa.exc.IntegrityError), writing(engine) as conn:
            conn.execute(score_results.insert().values(columns | {"locked_by": who}))
    with writing(engine) as conn:
        conn.execute(score_results.insert().values(columns | {"locked_by": HR}))


def test_a_score_follows_again_from_what_was_locked(engine):
    with writing(engine) as conn:
        number = opened(conn, of=indicators(("output", "33.3"), ("care", "66.7")))
        marked(conn, number, "91", "72.5")
        made = lock_score(conn, WORKER, "2026-10", "general", None, act(HR))
        row = result_by_number(conn, made.number)
    content = content_of(row.content)
    assert (
        content.score() == made.score == Fraction("0.3") * 91 + Fraction("0.7") * Fraction("72.5")
    )
    assert content.rules == shipped_rules().on(NOW.date()).version
    assert content.posts[0].indicators[0].reason == "talked over"


def test_feedback_is_kept_and_changes_no_score(engine):
    with writing(engine) as conn:
        number = locked(conn, "80").number
        before = newest_result(conn, [WORKER], "2026-10")
        with pytest.raises(RefusedError, match="was not rated"):
            give_feedback(conn, number, "not mine", act(BOSS))
        give_feedback(conn, number, "I was never shown how", act(WORKER))
        assert feedback_of(conn, number) == [(NOW, WORKER, "I was never shown how")]
        assert newest_result(conn, [WORKER], "2026-10") == before


def test_two_posts_count_by_their_shares(engine):
    with writing(engine) as conn:
        first = opened(conn, post="line", share="60")
        marked(conn, first, "90", "90")
        with pytest.raises(RefusedError, match="60 = 60 %, not 100 %"):
            lock_score(conn, WORKER, "2026-10", "general", None, act(HR))
        second = opened(conn, post="project", share="40", rater=OTHER)
        marked(conn, second, "70", "70", rater=OTHER)
        with pytest.raises(RefusedError, match="cannot lock it"):
            lock_score(conn, WORKER, "2026-10", "general", None, act(OTHER))
        made = lock_score(conn, WORKER, "2026-10", "general", None, act(HR))
    assert made.score == 82
    shares = {"a": Weighted(Fraction(60), Fraction(90)), "b": Weighted(Fraction(40), Fraction(70))}
    assert post_score(shares) == 82


def test_an_excused_side_leaves_its_share_to_the_other(engine):
    with writing(engine) as conn:
        number = opened(conn)
        with pytest.raises(RefusedError, match="is a side"):
            excuse_side(conn, number, "self", act(BOSS), "does not want to")
        excuse_side(conn, number, "self", act(HR), "in hospital until December")
        entered(conn, number, "manager", BOSS, output="70", care="90")
        made = lock_score(conn, WORKER, "2026-10", "general", None, act(HR))
        assert "hospital" in view_of(conn, number, act(WORKER)).own.note
    assert made.score == Fraction("0.6") * 70 + Fraction("0.4") * 90


def test_a_withdrawn_assessment_makes_room_for_another(engine):
    with writing(engine) as conn:
        number = opened(conn)
        marked(conn, number, "50", "50")
        for who in (act(BOSS), act(WORKER), act("second", also=(BOSS,))):
            with pytest.raises(RefusedError, match="cannot withdraw it"):
                withdraw_assessment(conn, number, who, "once more, knowing the marks")
        with pytest.raises(RefusedError, match="for the only post already"):
            opened(conn, rater=OTHER)
        withdraw_assessment(conn, number, act(HR), "the rater left")
        with pytest.raises(NotFoundError, match=f"no assessment {number} is open"):
            view_of(conn, number, act(WORKER))
        marked(conn, opened(conn, rater=OTHER), "90", "90", rater=OTHER)
        # Who rated in the withdrawn one did not rate in this score.
        made = lock_score(conn, WORKER, "2026-10", "general", None, act(BOSS))
        with pytest.raises(NotFoundError):
            withdraw_assessment(conn, number, act(HR), "again")
    assert made.score == 90


@pytest.mark.parametrize(
    ("of", "message"),
    [
        (indicators(("a", "60"), ("b", "30")), "60 \\+ 30 = 90 %, not 100 %"),
        (indicators(("a", "100"), ("b", "0")), "not 100 %"),
        (indicators(("a", "50"), ("a", "50")), "named twice"),
        ((), "nothing = 0 %"),
        (indicators(("a", "much")), "not a decimal number"),
    ],
)
def test_a_card_that_does_not_add_up_is_refused(engine, of, message):
    with writing(engine) as conn, pytest.raises(RefusedError, match=message):
        opened(conn, of=of)


def test_nobody_rates_the_own_work(engine):
    with writing(engine) as conn, pytest.raises(RefusedError, match="rater of the own work"):
        opened(conn, rater=WORKER)


def test_parts_that_are_missing_leave_their_share():
    half = Combination(Fraction(50), Fraction(20), Fraction(30))
    assert combined(Marks(Fraction(60), Fraction(80), Fraction(90)), half) == 73
    assert combined(Marks(None, Fraction(80), Fraction(90)), half) == 86
    assert combined(Marks(Fraction(60), None, Fraction(90)), RULE) == 90
    with pytest.raises(RefusedError, match="no side that counts"):
        combined(Marks(Fraction(60), None, None), RULE)


def test_a_rater_who_turned_out_to_be_the_rated_person_does_not_rate(engine):
    """The rater's record was merged into the person's after the assessment was opened."""
    with writing(engine) as conn:
        number = opened(conn)
        conn.execute(merged_people.insert().values(person=BOSS, into=WORKER))
        both = act(WORKER, also=(BOSS,))
        with pytest.raises(RefusedError, match="is not the manager side"):
            enter_marks(
                conn, number, "manager", dict.fromkeys(("output", "care"), Fraction(9)), both, ""
            )


def test_a_disabled_account_acts_for_nobody(engine):
    with writing(engine) as conn:
        root = AccountAct(actor="root", at=NOW, reason="left")
        add_account(conn, NewAccount(name="hanna", roles=(Role.HR,)), root)
        by = deed_of(conn, "hanna", NOW).actor
        assert is_hr(conn, by)
        set_disabled(conn, "hanna", root, disabled=True)
        assert not is_hr(conn, by)
        with pytest.raises(RefusedError, match="hanna is disabled"):
            deed_of(conn, "Hanna", NOW)
