"""What a pay run costs, from stored days to the papers, and what looking at runs costs.

    python -m benchmarks.pay_run [--people 1000] [--rounds 3]

A plant of `--people` whose days of October 2026 are computed and stored; all have agreements of
Shanghai, some overtime, single sums and an annual bonus. Two runs by law differ in the sums of every
twentieth person; a third is of other bases, another law and another rule of attendance for everybody,
and a fourth by another scheme. Peers, each of which must give the same answer: the traces of the run computed in
Fractions from the JSON that is stored, by a loop that knows nothing of ours; both runs decoded whole
and joined line by line, as a data frame would be, which tells no cause. Seconds are CPU seconds of
one thread, the best of the rounds, in which ours and the peers take turns.
"""

import argparse
import gc
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from fractions import Fraction
from functools import partial
from math import ceil, floor, prod
from pathlib import Path
from time import process_time
from typing import Any

import sqlalchemy as sa
from msgspec.structs import replace

from hr_core.cli import OBJECTS_BETWEEN_COLLECTIONS
from hr_core.clock import Month
from hr_core.pay.diff.model import RunDiff
from hr_core.pay.entry import EntryKind, NewEntry
from hr_core.pay.export_template import load_template
from hr_core.pay.journal import journal_of_run
from hr_core.pay.pay_export import export_run
from hr_core.pay.run import compute_runs
from hr_core.pay.slip import SlipLine
from hr_core.pay.slip_workbook import slip_workbook
from hr_core.pay.stored_diff import compare_runs
from hr_core.store.attendance_days import attendance_days
from hr_core.store.database import writing
from hr_core.store.results import NewRun, add_run, lines_of_run, pay_lines
from hr_core.trace.calculation import Calculation
from hr_core.trace.replayed_run import replay_run
from hr_core.web.compare_choice import CompareChoice
from hr_core.web.compare_page import ComparePage, compare_page
from hr_core.web.kept_diffs import KeptDiffs
from hr_core.web.words import Words
from tests.hr_core.attendance.live.conftest import PEOPLE, Plant
from tests.hr_core.pay.law_plant import OCTOBER, SHANGHAI, WORKDAYS
from tests.hr_core.two_people import agreement_by_two, entry_by_two

NOW = datetime(2026, 11, 1, 4, tzinfo=UTC)
SHEETS = 50
_PERSON = (
    '[[person]]\nnumber = "E%d"\nname = "工%d"\nshift = "D"\nbase = "5000.00"\ndevice_user = "%d"\n'
)
_BATCH = 2_000
Timed = tuple[float, Any]


def fill(folder: Path, people: int) -> Plant:
    """Everybody on every workday; each tenth two hours longer on the 12th."""
    head = PEOPLE.partition("[[person]]")[0]
    plant = Plant(folder, NOW, head + "".join(_PERSON % (n, n, n) for n in range(people)))
    presses = [
        f"{n} {on}T{'19' if time == '17' and n % 10 == 0 and on.day == 12 else time}:{n % 50:02d}"
        for on in WORKDAYS
        for n in range(people)
        for time in ("07", "17")
    ]
    for at in range(0, len(presses), _BATCH):
        plant.press(*presses[at : at + _BATCH], until="2026-11-01T03:00")
    with writing(plant.engine) as conn:
        for n in range(people):
            agree(conn, n, base_fen=800_000 + 1_000 * n)
            if n % 5 == 0:
                enter(conn, n, EntryKind.INSTANT_BONUS, 50_000)
            if n % 10 == 0:
                enter(conn, n, EntryKind.ANNUAL_BONUS, 3_600_000)
    return plant


def agree(conn: sa.Connection, n: int, **terms: Any) -> None:
    held = replace(
        SHANGHAI, cost_centre=f"C{n % 20}", bank_name="工行", bank_account=f"62220202001{n:08d}",
        **terms,
    )  # fmt: skip
    agreement_by_two(conn, f"E{n}", date(2026, 1, 1), held, by=("Wu", "Zhao"), at=NOW)


def by_other_rules(run: NewRun) -> NewRun:
    """Every day that a line counts five minutes longer, every row of law another, and its sums."""

    def line(one: SlipLine) -> SlipLine:
        old = one.trace
        days = tuple(replace(day, minutes=day.minutes + 5) for day in old.days)
        again = Calculation(days=days, lines=old.lines, entries=old.entries)
        for step in old.steps:
            again.step(step.name, step.operation, *step.of)
        law = tuple(replace(row, version="other") for row in old.law)
        trace = replace(old, days=days, steps=again.steps, law=law)
        return replace(one, trace=trace, amount_fen=trace.amount_fen)

    return replace(
        run,
        slips=tuple(replace(slip, lines=tuple(map(line, slip.lines))) for slip in run.slips),
        days={
            person: tuple(replace(day, rule_version="other") for day in days)
            for person, days in run.days.items()
        },
    )


def enter(conn: sa.Connection, n: int, kind: EntryKind, fen: int) -> None:
    entry = NewEntry(
        person=f"E{n}", month=str(OCTOBER), kind=kind, name=kind.value, amount_fen=fen, reason="",
        entered_by="Wu", approved_by="Zhao",
    )  # fmt: skip
    entry_by_two(conn, entry, at=NOW)


def compute(engine: sa.Engine, *schemes: str, month: Month = OCTOBER) -> tuple[NewRun, ...]:
    with engine.connect() as conn:
        runs = compute_runs(conn, month, NOW, schemes, allow_unverified=True)
    if any(run.findings.refused for run in runs):
        raise SystemExit(f"not paid: {runs[0].findings.refused[0]}")
    return runs


def store(engine: sa.Engine, run: NewRun) -> int:
    with writing(engine) as conn:
        return add_run(conn, run)


def reading(engine: sa.Engine, work: Callable[[sa.Connection], Any]) -> Callable[[], Any]:
    def read() -> Any:
        with engine.connect() as conn:
            return work(conn)

    return read


def in_fractions(conn: sa.Connection, run: int) -> tuple[int, int]:
    """Lines of a run that hold, and all."""
    query = sa.select(pay_lines.c.trace, pay_lines.c.amount_fen).where(pay_lines.c.run == run)
    held = [amount == of_steps(json.loads(trace)) for trace, amount in conn.execute(query)]
    return sum(held), len(held)


def of_steps(trace: dict[str, Any]) -> int:
    known: dict[str, int] = {}
    for name, operation, of, _ in (one.values() for one in trace["steps"]):
        operands = [known[one] if isinstance(one, str) else one for one in of]
        known[name] = one_step(operation, operands, trace)
    return known[name]


def one_step(operation: str, operands: list[int], trace: dict[str, Any]) -> int:
    if operation == "minutes_of_days":
        return sum(one["minutes"] for one in trace["days"])
    if operation in {"amount_of_lines", "amount_of_entries"}:
        return sum(one["amount_fen"] for one in trace[operation.removeprefix("amount_of_")])
    return ARITHMETIC[operation](*operands)


def half_up(fen: int, numerator: int, denominator: int) -> int:
    exact = abs(Fraction(fen * numerator, denominator))
    return floor(exact + Fraction(1, 2)) * (1 if fen * numerator >= 0 else -1)


ARITHMETIC: dict[str, Callable[..., int]] = {
    "constant": lambda one: one,
    "product": lambda *factors: prod(factors),
    "sum": lambda *terms: sum(terms),
    "difference": lambda first, *others: first - sum(others),
    "smallest": lambda *of: min(of),
    "largest": lambda *of: max(of),
    "multiply_half_up": half_up,
    "multiply_up": lambda fen, numerator, denominator: ceil(Fraction(fen * numerator, denominator)),
}


def joined_lines(conn: sa.Connection, first: int, second: int) -> set[tuple[str, str]]:
    """Person and line of what differs, by two tables in memory: every trace is decoded."""
    before, after = (
        {(person, line.code): line for person, lines in found.items() for line in lines}
        for found in (lines_of_run(conn, first), lines_of_run(conn, second))
    )
    amounts = [{key: line.amount_fen for key, line in one.items()} for one in (before, after)]
    return {key for key, _ in amounts[0].items() ^ amounts[1].items()}


def seconds(works: dict[str, Callable[[], Any]], rounds: int) -> dict[str, Timed]:
    best: dict[str, Timed] = {}
    for _ in range(rounds):
        for name, work in works.items():
            begun = process_time()
            result = work()
            took = process_time() - begun
            best[name] = (min(took, best.get(name, (took,))[0]), result)
    return best


def measure(plant: Plant, people: int, rounds: int) -> Iterator[tuple[str, object]]:
    engine = plant.engine
    begun = process_time()
    plant.catch_up()
    took = process_time() - begun
    with engine.connect() as conn:
        stored = conn.execute(sa.select(sa.func.count()).select_from(attendance_days)).scalar_one()
    yield "days_computed", stored
    yield "us_a_day_computed", round(took / stored * 1e6)
    found = seconds(
        {
            "run_cn": lambda: compute(engine, "cn"),
            "run_demo": lambda: compute(engine, "demo"),
            "run_both": lambda: compute(engine, "cn", "demo"),
        },
        rounds,
    )
    (run,), (demo,) = found["run_cn"][1], found["run_demo"][1]
    yield from ((name, took) for name, (took, _) in found.items())
    begun = process_time()
    first = store(engine, run)
    yield "store_cn", process_time() - begun
    other_scheme = store(engine, demo)
    with writing(engine) as conn:
        for n in range(0, people, 20):
            enter(conn, n, EntryKind.INSTANT_BONUS, 12_345)
    second = store(engine, compute(engine, "cn")[0])
    few = store(engine, replace(run, slips=run.slips[:SHEETS]))
    yield from papers(engine, (first, second, few), rounds)
    with writing(engine) as conn:
        for n in range(people):
            raised = {
                "base_fen": 880_000 + 1_000 * n,
                "special_deductions": {"elderly_support": 150_000},
            }
            agree(conn, n, insurance_base_fen=1_100_000, fund_base_fen=1_100_000, **raised)
    anew = store(engine, by_other_rules(compute(engine, "cn")[0]))
    yield from all_differ(engine, first, {"all": anew, "scheme": other_scheme}, rounds)


def papers(
    engine: sa.Engine, runs: tuple[int, int, int], rounds: int
) -> Iterator[tuple[str, object]]:
    first, second, few = runs
    bank = load_template("bank")
    found = seconds(
        {
            "replay": reading(engine, lambda conn: replay_run(conn, first)),
            "replay_in_fractions": reading(engine, lambda conn: in_fractions(conn, first)),
            "diff": reading(engine, lambda conn: compare_runs(conn, first, second)),
            "diff_by_joining": reading(engine, lambda conn: joined_lines(conn, first, second)),
            "diff_of_equal": reading(engine, lambda conn: compare_runs(conn, first, first)),
            "journal": reading(engine, lambda conn: journal_of_run(conn, first)),
            "bank_file": reading(engine, lambda conn: export_run(conn, first, bank, trial=True)),
            f"workbook_of_{SHEETS}": reading(engine, lambda conn: slip_workbook(conn, few)),
        },
        rounds,
    )
    yield from ((name, took) for name, (took, _) in found.items())
    replayed, (held, lines) = found["replay"][1], found["replay_in_fractions"][1]
    diff, joined = found["diff"][1], found["diff_by_joining"][1]
    if not (replayed.holds and held == lines == replayed.lines):
        raise SystemExit(f"the traces do not hold: {replayed.mismatches[:3]}, {held} of {lines}")
    told = {(line.person, line.code) for line in diff.lines}
    if not diff.proof.holds or joined != told:
        raise SystemExit(f"the diff and the join differ: {sorted(joined ^ told)[:3]}")
    yield "lines", lines
    yield "lines_that_differ", len(told)
    yield "unexplained", diff.unexplained
    yield "replay_ratio", round(found["replay_in_fractions"][0] / found["replay"][0], 2)
    yield "diff_ratio", round(found["diff_by_joining"][0] / found["diff"][0], 2)


def all_differ(
    engine: sa.Engine, first: int, others: dict[str, int], rounds: int
) -> Iterator[tuple[str, object]]:
    """Runs in which nobody has what he had; the page of them, made anew and kept."""
    works: dict[str, Callable[[], Any]] = {}
    for what, other in others.items():
        pair = (first, other)
        works[f"diff_{what}"] = reading(engine, partial(_compared, pair))
        works[f"diff_{what}_by_joining"] = reading(engine, partial(_joined, pair))
        kept = KeptDiffs()
        works[f"page_{what}"] = partial(page, engine, pair, None)
        works[f"page_{what}_kept"] = partial(page, engine, pair, kept)
    found = seconds(works, rounds)
    yield from ((name, took) for name, (took, _) in found.items())
    for what in others:
        ours, diff = found[f"diff_{what}"]
        peer, told = found[f"diff_{what}_by_joining"]
        if not diff.proof.holds or told != {(line.person, line.code) for line in diff.lines}:
            raise SystemExit(f"the diff and the join differ: {what}")
        yield f"{what}_lines", len(told)
        yield f"{what}_reasons", sum(len(line.reasons) for line in diff.lines)
        yield f"{what}_unexplained", diff.unexplained
        yield f"diff_{what}_ratio", round(peer / ours, 2)


def _compared(pair: tuple[int, int], conn: sa.Connection) -> RunDiff:
    return compare_runs(conn, *pair)


def _joined(pair: tuple[int, int], conn: sa.Connection) -> set[tuple[str, str]]:
    return joined_lines(conn, *pair)


def page(engine: sa.Engine, pair: tuple[int, int], kept: KeptDiffs | None) -> ComparePage:
    """What the page shows, before it is drawn."""
    choice = CompareChoice(a=pair[0], b=pair[1])
    with engine.connect() as conn:
        return compare_page(conn, choice, Words("zh"), kept or KeptDiffs())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)  # as a command of its own does
    with tempfile.TemporaryDirectory() as name:
        plant = fill(Path(name), chosen.people)
        for what, value in measure(plant, chosen.people, chosen.rounds):
            text = f"{value:.3f} s" if isinstance(value, float) and "ratio" not in what else value
            print(f"{what:22} {text}", flush=True)
        plant.engine.dispose()
    print(f"{'load':22} {os.getloadavg()[0]:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
