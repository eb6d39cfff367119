"""Goals of a person as a form: rows as they were typed, the sum of their weights, goals made of them."""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from msgspec import Struct
from msgspec.structs import replace

from hr_core.errors import RefusedError
from hr_core.money import decimal_text, parse_exact
from hr_core.performance.goals import WHOLE, Goal, GoalKind, Group, Level

MOST_ROWS = 20  # a person's goals; a longer list is a file: hr-core performance goals propose
_BLANK_ROWS = 2
# Of each field; a form of MOST_ROWS rows in Chinese, twelve bytes a character, stays within its bytes.
LONGEST = {
    "code": 40,
    "title": 60,
    "title_zh": 40,
    "target": 16,
    "base": 16,
    "measure": 12,
    "weight": 8,
    "resources": 60,
    "figure": 40,
    "scored_by": 40,
}
FORM_BYTES = 256 * 1024
FORM_FIELDS = 16 * MOST_ROWS + 10


class TypedGoal(Struct, frozen=True, kw_only=True):
    """One row, as text. `trial` is "on" or nothing, as a tick is sent."""

    code: str = ""
    title: str = ""
    title_zh: str = ""
    kind: str = GoalKind.COUNT.value
    target: str = ""
    base: str = ""
    measure: str = ""
    weight: str = ""
    group: str = Group.KPI.value
    parent: str = ""
    trial: str = ""
    resources: str = ""
    figure: str = ""
    scored_by: str = ""

    @property
    def is_blank(self) -> bool:
        return not any((self.code, self.title, self.target, self.weight))


class WeightSum(Struct, frozen=True, kw_only=True):
    """What is typed so far; `groups` are (KPI or KCI, percent)."""

    total: str
    groups: tuple[tuple[str, str], ...]
    whole: bool


def typed_rows(form: Mapping[str, str]) -> tuple[TypedGoal, ...]:
    """Of a sent form, without its blank rows."""
    rows = (
        TypedGoal(
            **{
                name: form[field].strip()
                for name in TypedGoal.__struct_fields__
                if (field := f"{name}_{at}") in form
            }
        )
        for at in range(MOST_ROWS)
    )
    return tuple(row for row in rows if not row.is_blank)


def rows_of(goals: Iterable[Goal]) -> tuple[TypedGoal, ...]:
    return tuple(
        TypedGoal(
            code=one.code,
            title=one.title,
            title_zh=one.title_zh,
            kind=one.kind.value,
            target=decimal_text(one.target),
            base="" if one.base is None else decimal_text(one.base),
            measure=one.measure,
            weight=decimal_text(one.weight),
            group=one.group.value,
            parent=one.parent or "",
            trial="on" if one.trial else "",
            resources=one.resources,
            figure=one.figure,
            scored_by=one.scored_by or "",
        )
        for one in goals
    )


def with_blank_rows(rows: Sequence[TypedGoal]) -> tuple[TypedGoal, ...]:
    return (*rows, *(TypedGoal() for _ in range(_BLANK_ROWS)))[: max(MOST_ROWS, len(rows))]


def weight_sum(rows: Iterable[TypedGoal]) -> WeightSum:
    """Of rows that count and whose weight can be read."""
    sums: dict[str, Fraction] = {}
    for row in rows:
        if row.trial:
            continue
        try:
            weight = parse_exact(row.weight)
        except ValueError:
            continue
        sums[row.group] = sums.get(row.group, Fraction(0)) + weight
    total = sum(sums.values(), Fraction(0))
    return WeightSum(
        total=decimal_text(total),
        groups=tuple((group, decimal_text(weight)) for group, weight in sorted(sums.items())),
        whole=total == WHOLE,
    )


def goals_of(
    rows: Sequence[TypedGoal], owner: str, period: str, before: Iterable[Goal] = ()
) -> tuple[Goal, ...]:
    """`before`: goals of the version before. One with the same code keeps what the form does not ask
    for (whose figure it is measured by, the template it was made from).

    Raises RefusedError that names the row: what cannot be read. What the goals must be together is
    for hr_core.performance.agreeing to say.
    """
    known = {one.code: one for one in before}
    return tuple(
        _goal(row, (owner, period), at, known.get(row.code)) for at, row in enumerate(rows, 1)
    )


def _goal(row: TypedGoal, whose: tuple[str, str], at: int, before: Goal | None) -> Goal:
    for name, most in LONGEST.items():
        if len(getattr(row, name)) > most:
            raise _refused(row, at, f"{name} is longer than {most} characters", "shorten it")
    for name in ("code", "title"):
        if not getattr(row, name):
            raise _refused(row, at, f"{name} is empty", "fill it in")
    try:
        kind, group = GoalKind(row.kind), Group(row.group)
    except ValueError as exc:
        raise _refused(row, at, str(exc), "choose one of the list") from exc
    owner, period = whose
    shown: dict[str, Fraction | None] = {}
    if before is not None:
        shown = {"target": before.target, "base": before.base, "weight": before.weight}
    new = Goal(
        code=row.code,
        level=Level.PERSON,
        owner=owner,
        period=period,
        parent=row.parent or None,
        title=row.title,
        title_zh=row.title_zh,
        kind=kind,
        target=_number(row, at, "target", shown.get("target")),
        base=_number(row, at, "base", shown.get("base")) if row.base else None,
        measure=row.measure,
        weight=_number(row, at, "weight", shown.get("weight")) if row.weight else Fraction(0),
        group=group,
        trial=bool(row.trial),
        scored_by=row.scored_by or None,
        figure=row.figure,
        resources=row.resources,
    )
    if before is None:
        return new
    return replace(new, figure_of=before.figure_of, template=before.template)


def _number(row: TypedGoal, at: int, name: str, before: Fraction | None) -> Fraction:
    """`before`: what was shown, perhaps rounded (200/3); untouched it stays exact."""
    text = getattr(row, name).replace("−", "-")
    if before is not None and text == decimal_text(before):
        return before
    try:
        return parse_exact(text)
    except ValueError as exc:
        raise _refused(row, at, f"{name} {text!r} is no number", "write it like 30 or 2.5") from exc


def _refused(row: TypedGoal, at: int, what: str, remedy: str) -> RefusedError:
    return RefusedError(f"goal {at} ({row.code or 'without a code'}): {what}", remedy=remedy)
