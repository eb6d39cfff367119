"""Why a payslip is more or less than the one of the month before, by the lines that moved most."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import sqlalchemy as sa
from msgspec import Struct

from hr_core.clock import Month
from hr_core.errors import NotFoundError
from hr_core.pay.counted_runs import counted_runs
from hr_core.pay.line_values import Value, values_of
from hr_core.pay.line_words import Lang, filled, kind_of, says, value_text, words
from hr_core.pay.slip import Side, SlipLine
from hr_core.store.results import SlipRow, lines_of, run_by_number, slip_of

MOST_CAUSES = 3


class Change(Struct, frozen=True, kw_only=True):
    """What one kind of line adds to the net pay now and added before; `why` in [zh, en]."""

    kind: str
    before_fen: int
    after_fen: int
    why: tuple[str, str]

    @property
    def difference_fen(self) -> int:
        return self.after_fen - self.before_fen


class Changes(Struct, frozen=True, kw_only=True):
    """`causes` and `rest_fen` together are the whole difference of the net pay."""

    month: str
    run: int
    before_fen: int
    after_fen: int
    causes: tuple[Change, ...]
    rest_fen: int

    @property
    def difference_fen(self) -> int:
        return self.after_fen - self.before_fen


def changes_since(conn: sa.Connection, run: int, person: str) -> Changes | None:
    """Against the person's slip of the month before, in the run that counts: of the same scheme if
    there is one. None when that month has no slip. Raises NotFoundError.
    """
    now = run_by_number(conn, run)
    slip = slip_of(conn, run, person)
    if now is None or slip is None:
        raise NotFoundError(
            f"run {run} has no payslip of {person!r}",
            remedy="list the runs and their payslips: hr-core pay runs, hr-core pay slips RUN",
        )
    last = Month.parse(now.month).first - timedelta(days=1)
    month = Month(last.year, last.month)
    before = _slip_of_month(conn, month, now.scheme, person)
    if before is None:
        return None
    moved = changed_kinds(lines_of(conn, before.run, person), lines_of(conn, run, person))
    causes = tuple(moved[:MOST_CAUSES])
    return Changes(
        month=str(month),
        run=before.run,
        before_fen=before.total_fen,
        after_fen=slip.total_fen,
        causes=causes,
        rest_fen=slip.total_fen - before.total_fen - sum(one.difference_fen for one in causes),
    )


def changed_kinds(before: Sequence[SlipLine], after: Sequence[SlipLine]) -> list[Change]:
    """The kinds whose sum differs, the largest difference first. Raises MissingWordsError."""
    old, new = _by_kind(before), _by_kind(after)
    found = [
        Change(
            kind=kind,
            before_fen=_sum(old.get(kind, [])),
            after_fen=_sum(new.get(kind, [])),
            why=_why(old.get(kind, []), new.get(kind, [])),
        )
        for kind in dict.fromkeys((*new, *old))
    ]
    found = [one for one in found if one.difference_fen]
    return sorted(found, key=lambda one: -abs(one.difference_fen))


def _slip_of_month(
    conn: sa.Connection, month: Month, of_scheme: str, person: str
) -> SlipRow | None:
    for scheme in (of_scheme, None):
        run = counted_runs(conn, [month], scheme).get(month)
        slip = None if run is None else slip_of(conn, run, person)
        if slip is not None:
            return slip
    return None


def _by_kind(lines: Sequence[SlipLine]) -> dict[str, list[SlipLine]]:
    """What the company pays beside the slip is in nobody's net pay."""
    found: dict[str, list[SlipLine]] = {}
    for line in lines:
        if line.side is not Side.EMPLOYER:
            found.setdefault(kind_of(line), []).append(line)
    return found


def _sum(lines: Sequence[SlipLine]) -> int:
    return sum(line.amount_fen for line in lines)


def _why(before: Sequence[SlipLine], after: Sequence[SlipLine]) -> tuple[str, str]:
    if not before or not after:
        key = "gone_line" if before else "new_line"
        return says(key, "zh"), says(key, "en")
    old, new = values_of(before[0]), values_of(after[0])
    for one in words().why:
        values = _both(one.value, one.format, old, new)
        if values is not None:
            return filled(one.text, "zh", values) or "", filled(one.text, "en", values) or ""
    return says("follows", "zh"), says("follows", "en")


def _both(
    name: str, spec: str, old: Mapping[str, Value], new: Mapping[str, Value]
) -> dict[str, Value] | None:
    before, after = value_text(old.get(name), spec), value_text(new.get(name), spec)
    if before is None or after is None or before == after:
        return None
    return {"before": before, "after": after}


def changes_text(changes: Changes, lang: Lang) -> list[str]:
    """A heading, then a line for each cause, each with its amount."""
    from_month = {"month": changes.month}
    if not changes.difference_fen:
        return [says("as_before", lang, **from_month)]
    key = "less_than" if changes.difference_fen < 0 else "more_than"
    amount = value_text(abs(changes.difference_fen), "yuan") or ""
    told = [says(key, lang, amount=amount, **from_month)]
    at = 0 if lang == "zh" else 1
    told += [
        f"  {words().names[one.kind][at]} {signed(one.difference_fen)} ({one.why[at]})"
        for one in changes.causes
    ]
    if changes.rest_fen:
        told.append(f"  {says('other_causes', lang)} {signed(changes.rest_fen)}")
    return told


def signed(fen: int) -> str:
    text = value_text(fen, "yuan") or ""
    return text if fen < 0 else f"+{text}"
