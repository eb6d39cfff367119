"""Corrections of missing punches (补卡): how many, how late, for what, and who may ask for whom."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple

from msgspec import Struct

from hr_core.attendance.plan.request import MissingPunch, RefusedRequestError, Relation, Request
from hr_core.data_files import load


class CorrectionKind(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a punch is missing. `counts`: against the quota."""

    code: str
    name: str
    name_zh: str = ""
    counts: bool = True
    evidence: bool = False


class CorrectionPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """In force for days from `first` on.

    quota            corrections of counting kinds in a period; None: without limit
    period_starts_on day of the month on which a period begins, 1 to 28
    deadline_days    the last day to ask is so many days after the day; None: without limit
    """

    version: str
    source: str
    first: date
    quota: int | None
    period_starts_on: int = 1
    deadline_days: int | None
    may_ask: tuple[Relation, ...]
    kind: tuple[CorrectionKind, ...]

    def period(self, day: date) -> tuple[date, date]:
        """The half-open quota period around a day."""
        start = day.replace(day=self.period_starts_on)
        if start > day:
            start = (day.replace(day=1) - timedelta(days=1)).replace(day=self.period_starts_on)
        after = (start.replace(day=1) + timedelta(days=32)).replace(day=self.period_starts_on)
        return start, after


class AskedCorrection(NamedTuple):
    """`on` is the day of asking, by the site's wall clock."""

    body: MissingPunch
    relation: Relation
    evidence: str
    on: date


def load_policy() -> CorrectionPolicy:
    return load("correction_policy.toml", CorrectionPolicy)


def policy_on(policies: Iterable[CorrectionPolicy], day: date) -> CorrectionPolicy:
    """The latest that is in force. Raises RefusedRequestError when none is."""
    holding = [one for one in policies if one.first <= day]
    if not holding:
        raise RefusedRequestError(
            "no_policy",
            f"no correction policy is in force on {day}",
            remedy="import one that begins earlier: hr-core roster import FILE.toml",
        )
    return max(holding, key=lambda one: one.first)


def refuse_against_policy(
    policy: CorrectionPolicy, asked: AskedCorrection, earlier: Iterable[Request]
) -> None:
    """`earlier` are the person's other requests, reversed ones left out.
    Raises RefusedRequestError naming the rule that is broken.
    """
    kinds = {one.code: one for one in policy.kind}
    kind = kinds.get(asked.body.cause)
    where = f"correction policy {policy.version}"
    if kind is None:
        raise RefusedRequestError(
            "kind",
            f"{where} knows no kind {asked.body.cause!r}",
            remedy=f"use one of {', '.join(kinds)}",
        )
    if asked.relation not in policy.may_ask:
        raise RefusedRequestError(
            "who_may_ask",
            f"{where}: {asked.relation} may not ask for a correction",
            remedy=f"let one of them ask: {', '.join(policy.may_ask)}",
        )
    if kind.evidence and not asked.evidence.strip():
        raise RefusedRequestError(
            "evidence",
            f"{where}: kind {kind.code} needs evidence",
            remedy="name the photo, ticket or witness",
        )
    _refuse_wrong_time(policy, asked, where)
    if kind.counts and policy.quota is not None:
        counting = {one.code for one in policy.kind if one.counts}
        _refuse_over_quota(policy, asked, earlier, counting)


def _refuse_wrong_time(policy: CorrectionPolicy, asked: AskedCorrection, where: str) -> None:
    late = (asked.on - asked.body.day).days
    if asked.body.at.date() > asked.on:
        raise RefusedRequestError(
            "future",
            f"{asked.body.at} has not come yet",
            remedy="ask once the punch is missing",
        )
    if policy.deadline_days is not None and late > policy.deadline_days:
        raise RefusedRequestError(
            "deadline",
            f"{where}: asked {late} days after {asked.body.day}, at most {policy.deadline_days}",
            remedy="HR can decide the day by hand (a manual day, approved by a second person)",
        )


def _refuse_over_quota(
    policy: CorrectionPolicy,
    asked: AskedCorrection,
    earlier: Iterable[Request],
    counting: set[str],
) -> None:
    start, after = policy.period(asked.body.day)
    used = [
        one.id
        for one in earlier
        if one.open_or_approved
        and isinstance(one.body, MissingPunch)
        and one.body.cause in counting
        and start <= one.body.day < after
    ]
    if policy.quota is not None and len(used) >= policy.quota:
        raise RefusedRequestError(
            "quota",
            f"correction policy {policy.version}: {len(used)} of {policy.quota} corrections from "
            f"{start} to {after - timedelta(days=1)} are used (requests "
            f"{', '.join(str(number) for number in used)})",
            remedy="HR can decide the day by hand (a manual day, approved by a second person)",
        )
