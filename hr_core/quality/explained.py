"""Where a person's, team's or line's rate comes from: down to the readings that bound each count."""

import sqlalchemy as sa
from msgspec import Struct

from hr_core.clock import Month
from hr_core.errors import NotFoundError
from hr_core.pay.run import imported_roster
from hr_core.quality.attribution import Stretch
from hr_core.quality.grades import Comparison, grade_of, load_grades
from hr_core.quality.month import QualityMonth
from hr_core.quality.presence import UNATTRIBUTED
from hr_core.quality.rates_view import RatesView, RateView, rates_of
from hr_core.quality.readings import quality_of_month
from hr_core.quality.windows import Figure
from hr_core.store.alerts import history


class CountedWork(Struct, frozen=True, kw_only=True):
    """Neighbouring readings of one counter; `first_event` and `last_event` go to `hr-core trace`.

    payable     whether pay may use it: a plan alone proves nothing
    """

    source: str
    tag: str
    metric: str
    reject_code: str | None
    amount: int
    first_value: int
    last_value: int
    first_event: str
    last_event: str
    readings: int
    owner: str
    evidence: str
    payable: bool
    flags: tuple[str, ...]


class ExplainedRate(Struct, frozen=True, kw_only=True):
    """`rate` None for unattributed work, which nobody is graded by. `revisions` as published."""

    subject: str
    month: str
    grade_version: str
    grade_source: str
    rate: RateView | None
    comparisons: tuple[dict[str, str | int | bool], ...]
    work: tuple[CountedWork, ...]
    revisions: tuple[Figure, ...]


def explain_rate(conn: sa.Connection, subject: str, month: Month) -> ExplainedRate:
    """Raises NotFoundError for a subject that made nothing in the month."""
    roster = imported_roster(conn)
    quality = quality_of_month(conn, roster, month)
    view = rates_of(quality, roster, month)
    rows = {row.subject: row for row in (*view.lines, *view.teams, *view.people)}
    found = _work_of(quality, subject)
    rate = rows.get(subject)
    if rate is None and not found:
        raise NotFoundError(
            f"nothing was counted for {subject!r} in {month}",
            remedy=f"hr-core quality rates --month {month} lists people, teams and lines",
        )
    edition = load_grades().on(month.first)
    made = () if rate is None else grade_of(rate.pieces, rate.rejects, edition).comparisons
    return ExplainedRate(
        subject=subject,
        month=str(month),
        grade_version=edition.version,
        grade_source=edition.source,
        rate=rate,
        comparisons=tuple(_comparison(one) for one in made),
        work=tuple(_counted(one) for one in found),
        revisions=history(conn, _published_name(subject, view), str(month)),
    )


def _published_name(subject: str, view: RatesView) -> str:
    return f"line:{subject}" if any(row.subject == subject for row in view.lines) else subject


def _work_of(quality: QualityMonth, subject: str) -> tuple[Stretch, ...]:
    if subject == UNATTRIBUTED:
        return quality.unowned
    if subject in quality.stretches:
        return quality.stretches[subject]
    return quality.line_work.get(subject, ())


def _comparison(one: Comparison) -> dict[str, str | int | bool]:
    return {
        "grade": one.grade,
        "left": one.left,
        "relation": one.relation,
        "right": one.right,
        "holds": one.holds,
    }


def _counted(one: Stretch) -> CountedWork:
    return CountedWork(
        source=one.counter.source,
        tag=one.counter.tag,
        metric=one.counter.metric,
        reject_code=one.counter.reject_code,
        amount=one.amount,
        first_value=one.first_value,
        last_value=one.last_value,
        first_event=one.first_event,
        last_event=one.last_event,
        readings=one.readings,
        owner=one.owner.name,
        evidence=one.owner.evidence.name.lower(),
        payable=one.payable,
        flags=tuple(one.flags),
    )
