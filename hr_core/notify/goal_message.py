"""What is said about goals: whose turn it is to agree, which are far behind, which were missed."""

from collections.abc import Iterable, Mapping

from hr_core.notify.message import Message
from hr_core.performance.agreeing import Waiting
from hr_core.performance.open_tasks import ReviewWaiting
from hr_core.performance.sign_off import Role
from hr_core.store.goal_templates import ReminderRow

_OWNER = "owner"
_TURN_ZH = {"employee": "员工", "manager": "经理", "next_level": "上一级"}


def turn_messages(waiting: Iterable[Waiting], names: Mapping[str, str]) -> list[Message]:
    """One for each step and each of those who may act now."""
    return [_turn(one, person, names) for one in waiting for person in one.people]


def reminder_messages(rows: Iterable[ReminderRow], names: Mapping[str, str]) -> list[Message]:
    return [_reminder(row, names.get(row.owner, row.owner)) for row in rows]


def review_messages(waiting: Iterable[ReviewWaiting], names: Mapping[str, str]) -> list[Message]:
    """One for each task and each of the person's managers: goals that were missed."""
    return [_review(one, manager, names) for one in waiting for manager in one.managers]


def _review(one: ReviewWaiting, manager: str, names: Mapping[str, str]) -> Message:
    row = one.row
    whose, name = names.get(row.person, row.person), names.get(manager, manager)
    goals = ", ".join(goal["goal"] for goal in row.detail["goals"])
    return Message(
        alert=f"task-{row.number}",
        occasion=f"open-{manager}",
        subject=row.person,
        name=whose,
        at=row.made_at,
        role=Role.MANAGER,
        owner=manager,
        owner_name=name,
        title=f"目标未达成 Goals missed: {whose} {row.period}",
        text_zh=f"{whose} {row.period} 有未达成的目标({goals}),请{name}面谈并办结。",
        text_en=f"{whose} missed goals of {row.period} ({goals}): {name} talks them over and ends "
        "the task.",
        command=f'hr-core performance consequences done {row.number} --note "…"',
        kind="goal",
        line="",
        shift="",
        level=0,
        limit_percent="",
        pieces=0,
        rejects=0,
        hides=(),
    )


def _turn(one: Waiting, person: str, names: Mapping[str, str]) -> Message:
    whose, name = names.get(one.person, one.person), names.get(person, person)
    acts = " or ".join(act.replace("_", " ") for act in one.acts)
    state = one.state.replace("_", " ")
    return Message(
        alert=f"goals-{one.number}",
        occasion=f"step-{one.step}-{person}",
        subject=one.person,
        name=whose,
        at=one.since,
        role=one.role,
        owner=person,
        owner_name=name,
        title=f"目标待处理 Goals to agree: {whose} {one.period}",
        text_zh=f"{whose} {one.period} 目标第 {one.version} 版待{_TURN_ZH[one.role]}{name}处理。",
        text_en=f"The goals of {whose} for {one.period}, version {one.version}, are {state}: "
        f"{name} may {acts}.",
        command=f"hr-core performance goals show {one.number}",
        kind="goal",
        line="",
        shift="",
        level=0,
        limit_percent="",
        pieces=0,
        rejects=0,
        hides=(),
    )


def _reminder(row: ReminderRow, name: str) -> Message:
    return Message(
        alert=f"goal-{row.owner}-{row.goal}-{row.period}",
        occasion=row.week,
        subject=row.goal,
        name=row.goal,
        at=row.told_at,
        role=_OWNER,
        owner=row.owner,
        owner_name=name,
        title=f"目标进度落后 Goal behind: {row.goal}",
        text_zh=f"{name} 的目标 {row.goal}({row.period})进度落后:{row.text}",
        text_en=f"Goal of {name} for {row.period}: {row.text}.",
        command=f"hr-core performance progress --of {row.owner}",
        kind="goal",
        line="",
        shift="",
        level=0,
        limit_percent="",
        pieces=0,
        rejects=0,
        hides=(),
    )
