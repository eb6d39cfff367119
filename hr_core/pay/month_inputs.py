"""What a month is paid from, read once: every scheme that runs on it gets the same."""

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from hashlib import sha256

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from hr_core.attendance.calendar import load_calendar
from hr_core.attendance.punches import MonthPunches, punches_of_month
from hr_core.clock import Month
from hr_core.errors import NothingToComputeError
from hr_core.law.imported import law_of
from hr_core.law.national import national_law
from hr_core.pay.agreement import DatedAgreement, of_month
from hr_core.pay.by_law import by_law
from hr_core.pay.cn.month import Law
from hr_core.pay.cn.month_wage import PaidDays, paid_days
from hr_core.pay.entry import PayEntry
from hr_core.pay.leaving import SignedLeaving
from hr_core.pay.leaving_desk import leavings
from hr_core.pay.month_days import DaysOfPeople, days_to_pay
from hr_core.pay.person_month import LockedScore, PersonMonth
from hr_core.pay.piece.month_pieces import MonthPieces, pieces_of_month
from hr_core.pay.piece.person_pieces import PersonPieces
from hr_core.pay.slip import PayTerms
from hr_core.pay.year_so_far import YearSoFar
from hr_core.people.model import Roster
from hr_core.people.records import Employment
from hr_core.performance.results import locked_results
from hr_core.quality.month import QualityMonth
from hr_core.quality.readings import quality_of_month
from hr_core.store.pay_agreements import agreements_until
from hr_core.store.pay_entries import bonus_apart_before, entries_of_month
from hr_core.store.person_records import employments_by_person


class MonthInputs(Struct, frozen=True, kw_only=True):
    """By person. `bonus_before`: whose annual bonus of an earlier month of the year was entered."""

    month: Month
    roster: Roster
    punches: MonthPunches
    quality: QualityMonth
    contracts: Mapping[str, tuple[Employment, ...]]
    days: DaysOfPeople
    agreements: Mapping[str, tuple[DatedAgreement, ...]]
    entries: Mapping[str, tuple[PayEntry, ...]]
    scores: Mapping[str, LockedScore]
    bonus_before: frozenset[str]
    pieces: MonthPieces
    leavings: Mapping[str, SignedLeaving] = {}

    def person(self, number: str, terms: PayTerms) -> PersonMonth:
        """Without law and tax year: those are the scheme's and the run's."""
        return PersonMonth(
            person=self.roster.people[number],
            month=self.month,
            terms=terms,
            days=self.days.get(number, ()),
            agreements=self.agreements.get(number, ()),
            entries=self.entries.get(number, ()),
            score=self.scores.get(number),
            work=tuple(self.quality.payable(number)),
            corrections=tuple(self.quality.corrections.get(number, ())),
            contracts=self.contracts.get(number, ()),
            pieces=self.pieces.of_person.get(number),
            bonus_taken_apart=number in self.bonus_before,
        )

    def digest(self) -> str:
        """SHA-256 of all that is put in, hex: runs that have the same one differ by scheme and law."""
        facts = {
            number: {
                "person": self.roster.people[number],
                "days": self.days.get(number, ()),
                "agreements": self.agreements.get(number, ()),
                "entries": self.entries.get(number, ()),
                "score": self.scores.get(number),
                "work": tuple(self.quality.payable(number)),
                "corrections": tuple(self.quality.corrections.get(number, ())),
                "contracts": self.contracts.get(number, ()),
                "pieces": _pieces(self.pieces.of_person.get(number)),
                "bonus_before": number in self.bonus_before,
                **({"leaving": self.leavings[number]} if number in self.leavings else {}),
            }
            for number in sorted(self.roster.people)
        }
        text = msgspec.json.encode([str(self.month), facts], enc_hook=_text, order="sorted")
        return sha256(text).hexdigest()


class LawOfMonth(Struct, frozen=True):
    """Of a scheme that pays by law; `days` carry wage in the country's calendar."""

    law: Law
    days: PaidDays

    def of_person(self, month: PersonMonth) -> PersonMonth:
        """Raises PayRefusedError."""
        return msgspec.structs.replace(month, by_law=by_law(month, self.law, self.days))


def read_month(conn: sa.Connection, roster: Roster, month: Month, now: datetime) -> MonthInputs:
    """Raises NothingToComputeError without a punch, NoLawError."""
    punches = punches_of_month(conn, roster, month)
    if punches.total == 0:
        raise NothingToComputeError(
            f"no punch of {month} is stored: there is nothing to compute pay from",
            remedy="check that the gateways are connected (hr-core serve) and the month is right",
        )
    contracts = employments_by_person(conn)
    last = max(month.days())
    days = days_to_pay(conn, roster, month, now, contracts)
    agreements = {
        person: of_month(found, month) for person, found in agreements_until(conn, last).items()
    }
    return MonthInputs(
        month=month,
        roster=roster,
        punches=punches,
        quality=quality_of_month(conn, roster, month),
        contracts={person: tuple(found) for person, found in contracts.items()},
        days=days,
        agreements=agreements,
        entries=entries_of_month(conn, str(month)),
        scores=locked_results(conn, month),
        bonus_before=bonus_apart_before(conn, str(month)),
        pieces=pieces_of_month(conn, roster, month, days, agreements),
        leavings=leavings(conn, month),
    )


def law_of_month(conn: sa.Connection, month: Month, *, allow_unverified: bool) -> LawOfMonth:
    """Raises NoLawError for a year without a calendar."""
    law = Law(law_of(conn, allow_unverified=allow_unverified), national_law())
    return LawOfMonth(law, paid_days(month, load_calendar()))


def with_year(month: PersonMonth, so_far: YearSoFar | None) -> PersonMonth:
    if so_far is None:
        return month
    return msgspec.structs.replace(
        month,
        year=so_far.year,
        year_origin=so_far.origin,
        year_months=so_far.months,
        bonus_taken_apart=month.bonus_taken_apart or so_far.bonus_apart_taken,
    )


def _pieces(own: PersonPieces | None) -> object:
    return None if own is None else own.facts()


def _text(value: object) -> str:
    if isinstance(value, Fraction):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no input of pay")
