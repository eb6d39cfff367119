"""Templates of goals by post: KPI and KCI with their weights, in versions.

People keep the version that they were given: a new one reaches them only when it is assigned, as
goals that are proposed and signed like any others.
"""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import sqlalchemy as sa
from msgspec import Struct

from hr_core.audit.log import append
from hr_core.errors import NotFoundError, RefusedError
from hr_core.performance.acting import Deed
from hr_core.performance.agreeing import Draft, check_codes, propose
from hr_core.performance.exact_json import decode, encode
from hr_core.performance.goals import Goal, GoalKind, Group, Level, check_goal, check_weights
from hr_core.performance.toml_file import read_toml
from hr_core.store.goal_templates import TemplateRow, add_template, template_rows
from hr_core.store.goals import StoredSet

_EXAMPLE = "docs/performance.md shows one"


class Indicator(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A goal without its owner and period (hr_core.performance.goals.Goal)."""

    code: str
    title: str
    kind: GoalKind
    target: Fraction
    weight: Fraction
    parent: str
    group: Group = Group.KPI
    title_zh: str = ""
    base: Fraction | None = None
    measure: str = ""
    trial: bool = False
    scored_by: str | None = None
    figure: str = ""


class Template(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`groups`: those that it must have. `keeper`: the department that may change it, for messages."""

    code: str
    keeper: str
    indicator: tuple[Indicator, ...]
    title: str = ""
    title_zh: str = ""
    groups: tuple[Group, ...] = ()


class TemplateVersion(Struct, frozen=True, kw_only=True):
    version: int
    template: Template

    @property
    def name(self) -> str:
        return f"{self.template.code}/{self.version}"

    def goals(self, person: str, period: str) -> tuple[Goal, ...]:
        return tuple(
            Goal(
                **{name: getattr(one, name) for name in one.__struct_fields__},
                level=Level.PERSON,
                owner=person,
                period=period,
                template=self.name,
            )
            for one in self.template.indicator
        )


def import_template(conn: sa.Connection, path: Path, deed: Deed) -> TemplateVersion:
    """A new version, unless the newest says the same. Raises InputFileError, RefusedError."""
    template = read_toml(path, Template, remedy=_EXAMPLE)
    check_template(template)
    versions = template_versions(conn, template.code)
    if versions and versions[-1].template == template:
        return versions[-1]
    new = TemplateVersion(version=len(versions) + 1, template=template)
    row = TemplateRow(template.code, new.version, encode(template), deed.at, deed.by)
    add_template(conn, row)
    subject = f"goal template {new.name}"
    told = {"indicators": [one.code for one in template.indicator]}
    append(conn, deed.at, deed.by, "goals.template", subject, None, told, deed.note)
    return new


def check_template(template: Template) -> None:
    """Raises RefusedError that tells who can mend it."""
    goals = TemplateVersion(version=0, template=template).goals("", "2026")
    check_codes(f"template {template.code}", goals)
    for one in goals:
        check_goal(one)
    whose, keeper = f"template {template.code}", f"the department {template.keeper}"
    check_weights(goals, whose=whose, mended_by=keeper)
    there = {one.group for one in goals if one.weight}
    lacking = [group for group in template.groups if group not in there]
    if lacking:
        raise RefusedError(
            f"{whose} has no weight on {' and '.join(lacking)}",
            remedy=f"{keeper} can mend it: add an indicator with group = {lacking[0].value!r}",
        )


def template_versions(conn: sa.Connection, code: str | None = None) -> list[TemplateVersion]:
    return [
        TemplateVersion(version=row.version, template=decode(row.content, Template))
        for row in template_rows(conn, code)
    ]


def assign(
    conn: sa.Connection,
    name: str,
    people: Sequence[str],
    period: str,
    deed: Deed,
) -> list[StoredSet]:
    """Proposes the goals of a version ("SALES/2"; "SALES": the newest) to people, by their keys.

    Raises NotFoundError, RefusedError.
    """
    code, _, number = name.partition("/")
    versions = template_versions(conn, code)
    found = [one for one in versions if not number or str(one.version) == number]
    if not found:
        known = ", ".join(one.name for one in versions) or "no version of it"
        raise NotFoundError(
            f"there is no template {name!r}",
            remedy=f"{known} is there; hr-core performance template import FILE adds one",
        )
    chosen = found[-1]
    return [
        propose(conn, Draft(person=person, period=period, goals=chosen.goals(person, period)), deed)
        for person in people
    ]
