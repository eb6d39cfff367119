"""The demo's verdict: what was pressed, what arrived, what it is worth, and one line explained."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from edge_agent.demo.core_process import DemoCore
from edge_agent.demo.scene import Played
from edge_agent.errors import CommandError

_COMPARED = ("run", "month", "scheme", "payslips", "total_fen", "refused", "inputs_digest")
_SHOWN_DAYS = 2  # of the explained line; `hr-core pay explain` shows all

Run = dict[str, Any]
"""What `hr-core pay run --json` prints."""
NotComputed = dict[str, str]
"""month, what, remedy."""


class Account(Struct, frozen=True, kw_only=True):
    """The object that `demo --json` ends with. Counts are rows.

    punches_on_device  rows on the terminals; equal to fetched, stored and acked when all is well
    lost               true event ids that the core does not hold
    doubled            punches at the core beyond the true event ids
    compared           runs of the same month by another pay scheme; everything else is the first one's
    quarantined        rows that no record could be made of, input rows no terminal can hold included
    """

    punches_on_device: int
    fetched: int
    stored: int
    acked: int
    lost: int
    doubled: int
    quarantined: int
    counts_acked: int
    days: int
    payslips: int
    total_fen: int
    months: tuple[str, ...]
    runs: tuple[int, ...]
    not_computed: tuple[NotComputed, ...]
    days_to_clarify: int
    rates: tuple[dict[str, Any], ...]
    slips: tuple[dict[str, Any], ...]
    explained: dict[str, Any]
    seconds: float
    compared: tuple[dict[str, Any], ...] = ()

    @property
    def agrees(self) -> bool:
        """Every punch is everywhere exactly once."""
        same = {self.punches_on_device, self.fetched, self.stored, self.acked}
        return len(same) == 1 and self.lost == self.doubled == 0


def settle_account(core: DemoCore, played: Played, *, seconds: float) -> Account:
    """Asks the core what it holds and what it computes, and compares."""
    at_core = frozenset(core.command("events", "--kind", "punch").split())
    terminals = played.terminal_ledgers
    computed, not_computed = pay_months(core, played.months, played.schemes)
    first = played.schemes[0] if played.schemes else None
    runs = [run for run in computed if first in {None, run["scheme"]}]
    slips = [person for run in runs for person in run["people"]]
    return Account(
        punches_on_device=played.on_device,
        fetched=sum(ledger.fetched for ledger in terminals),
        stored=sum(ledger.stored for ledger in terminals),
        acked=sum(ledger.acked for ledger in terminals),
        lost=len(played.truth - at_core),
        doubled=len(at_core - played.truth) + played.on_device - len(played.truth),
        quarantined=played.refused + sum(ledger.quarantined for ledger in played.ledgers),
        counts_acked=sum(
            ledger.acked for ledger in played.ledgers if ledger.serial not in played.terminals
        ),
        days=sum(run["days"] for run in runs),
        payslips=len(slips),
        total_fen=sum(run["total_fen"] for run in runs),
        months=played.months,
        runs=tuple(run["run"] for run in runs),
        not_computed=tuple(not_computed),
        days_to_clarify=sum(run["days_to_clarify"] for run in runs),
        rates=tuple(_rates(core, played)),
        slips=tuple(slips),
        explained=_explained(core, runs),
        seconds=round(seconds, 1),
        compared=tuple(
            {key: run[key] for key in _COMPARED} | {"beside": runs[0]["run"]}
            for run in computed
            if run not in runs
        ),
    )


def pay_months(
    core: DemoCore, months: Sequence[str], schemes: Sequence[str] = ()
) -> tuple[list[Run], list[NotComputed]]:
    """The stored runs, and the months that could not be computed (no law for that year)."""
    if not months:
        return [], []
    words = [word for scheme in schemes for word in ("--scheme", scheme)]
    if len(months) == 1:
        try:
            answer = core.answer("pay", "run", "--month", months[0], *words)
        except CommandError as error:
            return [], [{"month": months[0], "what": error.what, "remedy": error.remedy}]
        return answer.get("runs", [answer]), []
    words += [word for month in months for word in ("--month", month)]
    answer = core.answer("pay", "run", *words)
    return answer["runs"], answer["not_computed"]


def _rates(core: DemoCore, played: Played) -> list[dict[str, Any]]:
    if not played.counts:
        return []
    people: list[dict[str, Any]] = core.answer("quality", "rates", "--month", played.months[-1])[
        "people"
    ]
    return people


def _explained(core: DemoCore, runs: Sequence[Run]) -> dict[str, Any]:
    """The overtime line that is worth most, down to event ids and raw bytes; {} without any."""
    lines = [
        (line["amount_fen"], run["run"], person["number"], line["line"])
        for run in runs
        for person in run["people"]
        for line in person["lines"]
        if line["line"].startswith("overtime")
    ]
    if not lines:
        return {}
    _, run, number, code = max(lines)
    explanation = core.answer("pay", "explain", str(run), number, code)
    line: dict[str, Any] = explanation["lines"][0]
    return {
        "run": run,
        "month": explanation["month"],
        "number": number,
        "name": explanation["name"],
        **line,
        "days": line["days"][:_SHOWN_DAYS],
        "days_in_all": len(line["days"]),
    }
