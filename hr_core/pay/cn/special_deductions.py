"""Special additional deductions of a month (专项附加扣除), capped by law."""

from collections.abc import Mapping

from msgspec import Struct

from hr_core.law.national import Deductions
from hr_core.pay.cn.lines import PayRefusedError


class Household(Struct, frozen=True, kw_only=True):
    """What the caps depend on. `rent_place`: large = municipality or provincial capital."""

    only_child: bool = False
    children: int = 1
    rent_place: str = "large"


def special_deductions(
    claimed: Mapping[str, int], household: Household, law: Deductions
) -> dict[str, int]:
    """Fen that count, by code. Raises PayRefusedError for what excludes each other, for a code
    that the law does not know, and for one that only the settlement of the year may deduct.
    """
    for together in law.excluding:
        if sum(claimed.get(code, 0) > 0 for code in together) > 1:
            raise PayRefusedError(
                f"{' and '.join(together)} exclude each other in one year ({law.source})",
                remedy="the person chooses one of them in the tax declaration",
            )
    return {code: _counted(code, fen, household, law) for code, fen in claimed.items()}


def major_medical(own_expense: int, law: Deductions) -> int:
    """Of a year: own expenses above 15,000, at most 80,000 (大病医疗)."""
    over = own_expense - law.major_medical_over.fen
    return max(0, min(over, law.major_medical_most.fen))


def _counted(code: str, fen: int, household: Household, law: Deductions) -> int:
    if fen < 0:
        raise PayRefusedError(f"{code} is below zero", remedy="HR corrects the declaration")
    if code in law.yearly_only and fen:
        raise PayRefusedError(
            f"{code} is deducted in the settlement of the year, not in a month",
            remedy="take it out of the month; the person claims it by the year's declaration",
        )
    if code not in law.caps:
        raise PayRefusedError(
            f"{code} is no special deduction of {law.version}",
            remedy=f"HR enters one of {', '.join(law.caps)} in the agreement",
        )
    cap = law.caps[code].fen
    if code == "elderly_support" and not household.only_child:
        cap = law.elderly_support_shared.fen
    if code == "housing_rent":
        cap = law.rent_by_place[household.rent_place].fen
    if code in law.per_child:
        cap *= household.children
    return min(fen, cap)
