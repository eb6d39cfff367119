"""How far goals are today: shown live, behind plan flagged, one reminder a week for those far behind."""

from collections.abc import Iterable
from datetime import date
from fractions import Fraction

import sqlalchemy as sa
from msgspec import Struct

from hr_core.audit.log import append
from hr_core.money import decimal_text
from hr_core.people.today import today_at
from hr_core.performance.achievement import achievement
from hr_core.performance.acting import Deed
from hr_core.performance.figures import Figures
from hr_core.performance.goal_book import GoalBook
from hr_core.performance.goals import WHOLE, Goal, GoalKind
from hr_core.performance.periods import Period
from hr_core.performance.rule_desk import goal_rules
from hr_core.store.goal_templates import ReminderRow, add_reminder, reminded_in
from hr_core.store.work_plan import keys_of


class Progress(Struct, frozen=True, kw_only=True):
    """`achievement` is None while there is no figure.

    elapsed  percent of the period's days that are over
    behind   a count that is less done than time is over; a rate or change that is not at its goal
    remind   far behind by the setting (half of the time over, less than 40 % done)
    missing  what lacks for the whole period: later months, as a rule
    """

    goal: str
    title: str
    title_zh: str
    level: str
    owner: str
    period: str
    kind: str
    target: Fraction
    measure: str
    trial: bool
    actual: Fraction | None
    achievement: Fraction | None
    elapsed: Fraction
    behind: bool
    remind: bool
    sources: tuple[str, ...]
    missing: tuple[str, ...]


def progress_of(
    conn: sa.Connection, on: date, *, owner: str | None = None, period: str | None = None
) -> list[Progress]:
    """In the morning of the day: goals whose period has begun and is not over, or those asked for."""
    keys = None if owner is None else keys_of(conn, owner)
    goals = [
        goal
        for goal in GoalBook.load(conn, keys).goals()
        if (keys is None or goal.owner in keys) and _wanted(goal, on, period)
    ]
    return list(_progress(conn, goals, on))


def remind(conn: sa.Connection, deed: Deed) -> list[ReminderRow]:
    """Those due that nobody was reminded of this week; each is stored, so that it comes once."""
    on = today_at(conn, deed.at)
    year, number, _ = on.isocalendar()
    week = f"{year}-W{number:02d}"
    told = reminded_in(conn, week)
    rows = []
    for one in progress_of(conn, on):
        if one.remind and (one.owner, one.goal, one.period) not in told:
            row = ReminderRow(one.owner, one.goal, one.period, week, deed.at, _sentence(one))
            add_reminder(conn, row)
            subject = f"{one.level} {one.owner}"
            said = {"goal": one.goal, "period": one.period, "week": week}
            append(conn, deed.at, deed.by, "goals.remind", subject, None, said, "")
            rows.append(row)
    return rows


def percent_shown(value: Fraction) -> str:
    """One decimal, half up: 66.7. Never used to compare."""
    tenths = (20 * value + 1) // 2
    return f"{tenths // 10}.{tenths % 10}"


def _wanted(goal: Goal, on: date, period: str | None) -> bool:
    if period is not None:
        return goal.period == period
    its = Period.parse(goal.period)
    return its.first <= on < its.after


def _progress(conn: sa.Connection, goals: Iterable[Goal], on: date) -> Iterable[Progress]:
    figures, rules = Figures(conn), goal_rules(conn)
    for goal in goals:
        period = Period.parse(goal.period)
        actual = figures.actual(goal, period)
        elapsed = period.elapsed(on)
        reached = None
        if actual.value is not None:
            reached = achievement(goal.kind, goal.target, goal.base, actual.value)
        done = reached or Fraction(0)
        known = reached is not None or goal.kind is GoalKind.COUNT
        plan = WHOLE * elapsed if goal.kind is GoalKind.COUNT else WHOLE
        reminder = rules.on(period.first).reminder
        yield Progress(
            goal=goal.code,
            title=goal.title,
            title_zh=goal.title_zh,
            level=goal.level,
            owner=goal.owner,
            period=goal.period,
            kind=goal.kind,
            target=goal.target,
            measure=goal.measure,
            trial=goal.trial,
            actual=actual.value,
            achievement=reached,
            elapsed=WHOLE * elapsed,
            behind=known and done < plan,
            remind=not goal.trial and elapsed < 1 and reminder.due(elapsed, done),
            sources=actual.sources,
            missing=actual.missing,
        )


def _sentence(one: Progress) -> str:
    done = (
        "no figure yet" if one.achievement is None else f"{percent_shown(one.achievement)} % done"
    )
    return (
        f"{one.goal} ({one.title}), target {decimal_text(one.target)} {one.measure}".rstrip()
        + f": {done}, {percent_shown(one.elapsed)} % of the time is over"
    )
