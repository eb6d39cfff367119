"""What the lines of one person's month are made from, and the lines that were made before."""

from collections.abc import Iterable
from fractions import Fraction
from functools import cached_property
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from hr_core.attendance.day import DayResult
from hr_core.clock import Month
from hr_core.errors import CoreError
from hr_core.pay.agreement import DatedAgreement
from hr_core.pay.carried import CarriedOver
from hr_core.pay.cn.contributions import Shares
from hr_core.pay.cn.income_tax import TaxYear
from hr_core.pay.cn.month import Law, MonthFacts
from hr_core.pay.cn.month import Person as CnPerson
from hr_core.pay.cn.month_pay import contributions
from hr_core.pay.entry import EntryKind, PayEntry
from hr_core.pay.leaving import Leaver
from hr_core.pay.piece.person_pieces import PersonPieces
from hr_core.pay.slip import PayTerms, SlipLine
from hr_core.pay.stage import Stage as Stage  # noqa: PLC0414 - sources know it from here
from hr_core.people.model import Person
from hr_core.people.records import Employment
from hr_core.quality.attribution import Stretch
from hr_core.quality.corrections import Correction


class LockedScore(Protocol):
    """A locked result of performance (hr_core.performance.results): pay reads it, never changes it."""

    @property
    def number(self) -> int: ...
    @property
    def version(self) -> int: ...
    @property
    def score(self) -> Fraction: ...
    @property
    def grade(self) -> str | None: ...
    @property
    def coefficient(self) -> Fraction | None: ...


class ByLaw(Struct, frozen=True, kw_only=True, dict=True):
    """A month that is paid by Chinese law: its rows, and the person and month as hr_core.pay.cn reads
    them. The wages of `person.work` are the whole agreed ones; hr_core.pay.wage_spans divides them.
    """

    law: Law
    person: CnPerson
    facts: MonthFacts

    @cached_property
    def shares(self) -> tuple[Shares, ...]:
        """Both sides' lines rest on them. Raises PayRefusedError, NoLawError, UnverifiedLawError."""
        return contributions(self.person, self.facts, self.law)


class PersonMonth(Struct, frozen=True, kw_only=True):
    """All that one person's slip rests on. Branches of pay add a field with its default.

    days         stored or computed, up to today
    agreements   those that hold on some day of the month, in order of their days
    entries      approved sums of the month
    score        the locked result of the month's period
    year         the tax year up to the month before; `year_origin` the runs and openings that make it,
                 `year_months` how many months they tell
    work, corrections   counted pieces and rejects
    contracts    all of the person
    pieces       of whoever is paid by them
    bonus_taken_apart   an annual bonus of this year was taxed apart in an earlier month
    leaver       an approved leaving in the month, and what is known here of the year before
    by_law       None: the scheme pays without law
    carried      what other months bring: claims, pay owed back, corrections
    done         lines that were made before, with their stage
    """

    person: Person
    month: Month
    terms: PayTerms
    days: tuple[DayResult, ...] = ()
    agreements: tuple[DatedAgreement, ...] = ()
    entries: tuple[PayEntry, ...] = ()
    score: LockedScore | None = None
    year: TaxYear = TaxYear()
    year_origin: tuple[str, ...] = ()
    year_months: int = 0
    work: tuple[Stretch, ...] = ()
    corrections: tuple[Correction, ...] = ()
    contracts: tuple[Employment, ...] = ()
    pieces: PersonPieces | None = None
    bonus_taken_apart: bool = False
    leaver: Leaver | None = None
    by_law: ByLaw | None = None
    carried: CarriedOver = CarriedOver()
    done: tuple[tuple[Stage, SlipLine], ...] = ()

    def require_law(self) -> ByLaw:
        """Of a source that is called for schemes with law only."""
        if self.by_law is None:
            raise CoreError(
                f"scheme {self.terms.scheme.version} pays without law",
                remedy='add law = "cn" to the edition and import it again',
            )
        return self.by_law

    def lines(self, *stages: Stage) -> tuple[SlipLine, ...]:
        """Made so far; of all stages without a name."""
        return tuple(line for stage, line in self.done if not stages or stage in stages)

    def fen(self, *stages: Stage) -> int:
        return sum(line.amount_fen for line in self.lines(*stages))

    def entries_of(self, *kinds: EntryKind) -> tuple[PayEntry, ...]:
        return tuple(one for one in self.entries if one.kind in kinds)

    def with_lines(self, stage: Stage, lines: Iterable[SlipLine]) -> "PersonMonth":
        return replace(self, done=(*self.done, *((stage, line) for line in lines)))
