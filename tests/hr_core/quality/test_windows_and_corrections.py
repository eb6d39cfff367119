"""Windows from provisional to locked, revisions, and corrections as signed rows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hr_core.errors import CoreError
from hr_core.quality.corrections import Correction, check, effect, placed
from hr_core.quality.presence import Evidence
from hr_core.quality.windows import (
    LATENESS_S,
    Figure,
    LockedWindowError,
    WindowState,
    figure_evidence,
    restated,
    state_of,
)

FIGURE = Figure(
    subject="E1", window="2026-10", pieces=1000, rejects=31, coverage="1/1",
    evidence={"login": 1000}, rule_version="quality/1",
)  # fmt: skip


@pytest.mark.parametrize(
    ("now", "locked", "state"),
    [
        (99, False, "provisional"),
        (100 + LATENESS_S - 1, False, "provisional"),
        (100 + LATENESS_S, False, "final"),
        (99, True, "locked"),
    ],
)
def test_the_state_of_a_window_that_ends_at_100(now, locked, state):
    assert state_of(100, now, locked=locked) == state


def test_an_equal_result_adds_no_revision():
    history = restated((), FIGURE)
    again = replace(FIGURE, recorded_at=99, reason="recomputed")
    assert restated(history, again) == history == (FIGURE,)


def test_a_new_result_is_the_next_revision_and_the_old_one_stays():
    history = restated(restated((), FIGURE), replace(FIGURE, rejects=30, reason="late reading"))
    assert [(one.revision, one.rejects) for one in history] == [(1, 31), (2, 30)]


def test_a_change_of_state_is_a_revision_too():
    final = replace(FIGURE, state=WindowState.FINAL)
    assert [one.state for one in restated((FIGURE,), final)] == ["provisional", "final"]


def test_a_locked_window_takes_equal_results_only():
    locked = (replace(FIGURE, state=WindowState.LOCKED),)
    assert restated(locked, FIGURE) == locked
    with pytest.raises(LockedWindowError) as refused:
        restated(locked, replace(FIGURE, pieces=999))
    assert refused.value.figure.subject == "E1"


def test_the_evidence_is_named():
    assert figure_evidence({Evidence.BADGE: 4, Evidence.NONE: 1}) == {"badge": 4, "none": 1}


def correction(number=1, **changes):
    return replace(
        Correction(
            identity=f"k{number}", subject="E1", line="L1", concerns="2026-09", pieces=0,
            rejects=-3, author="ann", approver="bob", reason="gauge was off", recorded_at=1,
        ),
        **changes,
    )  # fmt: skip


def test_before_the_lock_a_correction_counts_where_the_work_was():
    row = placed(correction(), locked=[], open_window="2026-10")
    assert (row.window, row.refers_to) == ("2026-09", None)


def test_after_the_lock_it_lands_in_the_open_window_and_refers_to_the_closed_one():
    row = placed(correction(), locked=["2026-08", "2026-09"], open_window="2026-10")
    assert (row.window, row.refers_to) == ("2026-10", "2026-09")
    assert effect([row], "E1", "2026-10") == (0, -3)
    assert effect([row], "E1", "2026-09") == (0, 0)
    assert effect([row], "E2", "2026-10") == (0, 0)


def test_the_same_correction_twice_counts_once():
    row = placed(correction(), locked=[], open_window="2026-10")
    assert effect([row, row], "E1", "2026-09") == (0, -3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"approver": "ann"}, "approver other than its author"),
        ({"approver": ""}, "approver other than its author"),
        ({"reason": " "}, "needs a reason"),
        ({"rejects": 0}, "changes nothing"),
    ],
)
def test_what_a_correction_needs(changes, message):
    with pytest.raises(CoreError, match=message):
        check(correction(**changes))
    check(correction())


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9), st.booleans()), max_size=12))
def test_no_correction_is_lost_by_the_lock(rows):
    found = [
        placed(
            correction(number, pieces=pieces, rejects=rejects),
            locked=["2026-09"] if late else [],
            open_window="2026-10",
        )
        for number, (pieces, rejects, late) in enumerate(rows)
    ]
    before, after = effect(found, "E1", "2026-09"), effect(found, "E1", "2026-10")
    assert before[0] + after[0] == sum(row[0] for row in rows)
    assert before[1] + after[1] == sum(row[1] for row in rows)
