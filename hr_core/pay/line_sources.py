"""Where other branches of pay add their lines: piece pay, leave, corrections of locked months, recoveries.

A source gets the month with all lines made before it (`PersonMonth.lines`) and gives its own. It is
called for schemes with law only; a source that has nothing to say gives no line. It refuses a person
with PayRefusedError, whose remedy says who can mend it and how: the others are paid.
"""

from collections.abc import Callable

from hr_core.pay.leave.source import paid_leave_lines, sick_lines
from hr_core.pay.person_month import PersonMonth, Stage
from hr_core.pay.piece.source import piece_lines, scrap_lines, top_up_lines
from hr_core.pay.slip import SlipLine

LineSource = Callable[[PersonMonth], tuple[SlipLine, ...]]

# Each is called after the built-in sources of its stage (hr_core.pay.month_lines), in this order.
MORE_SOURCES: tuple[tuple[Stage, LineSource], ...] = (
    (Stage.WAGE, piece_lines),
    (Stage.WAGE, sick_lines),
    (Stage.WAGE, paid_leave_lines),
    (Stage.WAGE, top_up_lines),
    (Stage.AFTER_TAX, scrap_lines),
)
