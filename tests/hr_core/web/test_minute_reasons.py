"""Each reason that an engine gives for a minute has words in both languages, by page and by command."""

import pytest

from hr_core.attendance.day_parts import Why
from hr_core.attendance.timesheet.rules import RowKind
from hr_core.trace.day_reasons import MINUTE_REASONS
from hr_core.web.day_page import minute_reason
from hr_core.web.words import Words

BECOME_SUMS = {RowKind.TOTAL, RowKind.PREMIUM}
SAID_AS_WHY = {RowKind.REGULAR, RowKind.OVERTIME}
REASONS = [*Why, *(kind for kind in RowKind if kind not in BECOME_SUMS | SAID_AS_WHY)]


@pytest.mark.parametrize("reason", REASONS)
def test_a_reason_has_words(reason):
    assert reason in MINUTE_REASONS
    chinese = minute_reason(reason, Words("zh"))
    assert not chinese.isascii()
    assert minute_reason(reason, Words("en")) not in {str(reason), chinese}


def test_a_pay_code_stands_behind_the_words():
    assert minute_reason("lunch_adjust: meal", Words("zh")) == "按规则扣除或增加的用餐时间 (meal)"
    assert minute_reason("work: regular", Words("en")) == "Work within the shift (regular)"
