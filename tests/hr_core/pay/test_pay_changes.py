"""More or less than last month, and the three lines that moved it most."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hr_core.errors import NotFoundError
from hr_core.pay.changes import changed_kinds, changes_since, changes_text
from hr_core.pay.slip_text import cells, paid_slip, slip_text
from hr_core.store.database import writing
from tests.hr_core.pay.slip_samples import slip, store_run


def test_the_three_largest_causes_and_the_rest_are_the_whole_difference(engine):
    with writing(engine) as conn:
        store_run(conn, slip("E1", minutes=(600, 900)), month="2026-09")
        now = store_run(conn, slip("E1", minutes=(60,), advance=17_957))
        found = changes_since(conn, now, "E1")
    assert (found.month, len(found.causes)) == ("2026-09", 3)
    assert found.causes[0].kind == "overtime_workday"
    assert found.causes[0].why == ("时间 25:00 → 1:00", "time 25:00 → 1:00")
    assert found.causes[1].kind == "advance"
    assert found.causes[1].why[1] == "not on the slip before"
    moved = sum(one.difference_fen for one in found.causes) + found.rest_fen
    assert moved == found.difference_fen < 0
    told = changes_text(found, "zh")
    assert told[0].startswith("比 2026-09 少 ")
    assert told[1].startswith("  工作日加班费 −")


def test_the_newest_run_of_the_same_scheme_is_compared(engine):
    with writing(engine) as conn:
        store_run(conn, slip("E1", base_fen=800_000), month="2026-09")
        same = store_run(conn, slip("E1", base_fen=810_000), month="2026-09")
        store_run(conn, slip("E1", base_fen=999_000), month="2026-09", scheme="other")
        now = store_run(conn, slip("E1", base_fen=810_000))
        found = changes_since(conn, now, "E1")
    assert (found.run, found.difference_fen, found.causes) == (same, 0, ())
    assert changes_text(found, "en") == ["As much as in 2026-09"]


def test_without_a_slip_of_the_month_before_nothing_is_compared(engine):
    with writing(engine) as conn:
        store_run(conn, slip("E1"), month="2026-08")
        now = store_run(conn, slip("E1"))
        assert changes_since(conn, now, "E1") is None
        with pytest.raises(NotFoundError, match="no payslip of 'E9'"):
            changes_since(conn, now, "E9")


def test_a_raised_base_is_told_as_the_reason():
    before, after = slip("E1", base_fen=870_000), slip("E1", base_fen=900_000)
    why = {one.kind: one.why[1] for one in changed_kinds(before.lines, after.lines)}
    assert why["pension_employee"] == "base 8,700.00 → 9,000.00"
    assert why["income_tax"] == "counted on 3,085.25 → 3,364.05"
    assert "pension_employer" not in why


amounts = st.integers(0, 3_000_000)


@given(amounts, amounts, st.integers(0, 6000), amounts)
def test_all_changes_together_are_the_difference_of_the_net(one, other, minutes, advance):
    before = slip("E1", base_fen=one, minutes=(60,))
    after = slip("E1", base_fen=other, minutes=(minutes,), advance=advance)
    moved = changed_kinds(before.lines, after.lines)
    assert sum(change.difference_fen for change in moved) == after.total_fen - before.total_fen
    assert all(change.difference_fen for change in moved)


def test_the_slip_as_text_is_aligned_with_wide_characters_too(engine):
    with writing(engine) as conn:
        store_run(conn, slip("E1", minutes=(600,)), month="2026-09")
        run = store_run(conn, slip("E1", advance=17_957))
        paid = paid_slip(conn, run, "E1")
        for lang, heads in (("zh", ("应发", "扣除", "公司另付")), ("en", ("Earned", "Deducted"))):
            text = slip_text(paid, lang)
            told = text.splitlines()
            aligned = [row for row in told if row.startswith((*heads, "  基本工资", "  Base pay"))]
            assert len(aligned) > len(heads)
            assert {cells(row) for row in aligned} == {64}
    slip_now = paid.slip
    assert f"{slip_now.total_fen / 100:,.2f}" in text
    assert "Deducted" in text
    assert "Advance taken back" in text
    assert "No paid overtime on rest days this month" in text
    with pytest.raises(NotFoundError), engine.connect() as conn:
        paid_slip(conn, 99, "E1")
