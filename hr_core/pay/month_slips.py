"""The slips of a month from its inputs, by one scheme: whoever cannot be paid is listed with the remedy."""

from collections.abc import Collection, Mapping

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from hr_core.errors import CoreError
from hr_core.pay.carried import CarriedOver
from hr_core.pay.leaver_inputs import leavers_of
from hr_core.pay.leaving import Leaver
from hr_core.pay.month_inputs import MonthInputs, law_of_month, with_year
from hr_core.pay.month_lines import slip_of_month
from hr_core.pay.scheme import SchemeEdition
from hr_core.pay.slip import PayTerms, Slip
from hr_core.pay.year_so_far import YearSoFar, year_so_far
from hr_core.people.employment import NoSlip, why_no_slip
from hr_core.people.model import Days
from hr_core.quality.grades import load_grades
from hr_core.store.results import RefusedPerson


class PaidBy(Struct, frozen=True, kw_only=True):
    """`allow_unverified`: rows of law that nobody checked pay too; the lines say so."""

    code: str
    edition: SchemeEdition
    allow_unverified: bool = False


def slips_of(
    conn: sa.Connection,
    inputs: MonthInputs,
    paid_by: PaidBy,
    carried: Mapping[str, CarriedOver],
    people: Collection[str] | None = None,
) -> tuple[tuple[Slip, ...], tuple[RefusedPerson, ...]]:
    """Of everybody without `people`. `carried`: what other months bring."""
    edition = paid_by.edition
    terms = PayTerms(edition, load_grades().on(inputs.month.first))
    law = None
    years: Mapping[str, YearSoFar] = {}
    leavers: Mapping[str, Leaver] = {}
    if edition.law is not None:
        law = law_of_month(conn, inputs.month, allow_unverified=paid_by.allow_unverified)
        years = year_so_far(conn, inputs.month, scheme=paid_by.code)
        leavers = leavers_of(
            conn,
            inputs.month,
            inputs.leavings,
            inputs.days,
            law.law.national.overtime_on(inputs.month.first),
            scheme=paid_by.code,
        )
    unpaid = without_slip(inputs, edition)
    slips, refused = [], []
    for number in sorted(inputs.roster.people if people is None else people):
        if number in unpaid:
            continue
        month = with_year(inputs.person(number, terms), years.get(number))
        if law is None:
            slips.append(slip_of_month(month))
            continue
        month = replace(
            month, carried=carried.get(number, CarriedOver()), leaver=leavers.get(number)
        )
        try:
            slips.append(slip_of_month(law.of_person(month)))
        except CoreError as error:
            refused.append(RefusedPerson(number=number, what=str(error), remedy=error.remedy))
    return tuple(slips), tuple(refused)


def without_slip(inputs: MonthInputs, edition: SchemeEdition) -> dict[str, NoSlip]:
    days = Days(inputs.month.first, inputs.month.after)
    why = {
        number: why_no_slip(inputs.contracts.get(number, ()), days, _base(inputs, edition, number))
        for number in inputs.roster.people
    }
    return {number: reason for number, reason in why.items() if reason is not None}


def _base(inputs: MonthInputs, edition: SchemeEdition, number: str) -> int:
    """By law the agreed wage, else that of the people file."""
    agreed = inputs.agreements.get(number, ())
    if edition.law is not None and agreed:
        return agreed[-1].terms.base_fen
    return inputs.roster.people[number].base_fen
