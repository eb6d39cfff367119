"""What a paid slip took from other months, for computing it anew: the same again, whatever came since."""

from collections import defaultdict
from collections.abc import Iterable

from msgspec.structs import replace

from hr_core.pay.carried import CarriedOver
from hr_core.pay.counted_lines import CountedLine
from hr_core.pay.debts import DAMAGES, ORDER, RECOVERY, REPAID, SCRAP
from hr_core.pay.retro import RETRO, SETTLED, stage_of
from hr_core.pay.slip import SlipLine
from hr_core.pay.stage import Stage

_FIXED = (DAMAGES, ORDER, RECOVERY, REPAID, SCRAP)


def fixed_lines(slip: Iterable[CountedLine]) -> tuple[SlipLine, ...]:
    """Claims and pay owed back: that money is with a court, the employer or the person."""
    return tuple(one.line for one in slip if one.line.code.startswith(_FIXED))


def own_corrections(
    slip: Iterable[CountedLine], kinds: tuple[str, ...] = (RETRO,)
) -> tuple[tuple[Stage, SlipLine], ...]:
    """Of still earlier months, which the slip paid; each with what it counts as."""
    found = []
    for one in slip:
        if one.line.code.startswith(kinds):
            stage = stage_of(replace(one.line, code=one.line.trace.facts["line"]))
            if stage is not None:
                found.append((stage, one.line))
    return tuple(found)


def carried_as_paid(counted: Iterable[CountedLine]) -> dict[str, CarriedOver]:
    """By person, of the counted slips of one month."""
    slips: defaultdict[str, list[CountedLine]] = defaultdict(list)
    for one in counted:
        slips[one.person].append(one)
    return {
        person: CarriedOver(
            lines=own_corrections(slip, (RETRO, SETTLED)),
            fixed=fixed_lines(slip),
            reversing=True,
        )
        for person, slip in slips.items()
    }
