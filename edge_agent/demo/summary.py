"""The demo's account for people: short, aligned, and every number with its reason in reach."""

import sys
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from edge_agent.demo.account import Account
from edge_agent.demo.world import DAY

_SLIPS_SHOWN = 20
_PIPE_WIDTH = 100
_PUNCHES_SHOWN = 4


def print_summary(account: Account) -> None:
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    console.print(_punches(account))
    console.print(_verdict(account))
    if account.rates:
        console.print(_rates(account))
    if account.slips:
        console.print(_slips(account))
    for refused in account.not_computed:
        console.print(f"{refused['month']} not paid: {refused['what']}")
    if account.explained:
        _print_explained(console, account.explained)
    for other in account.compared:
        console.print(scheme_sentence(other), soft_wrap=True)
    if account.rates:
        console.print(board_sentence(account), soft_wrap=True)
    console.print(
        f"\n{account.days} days and {account.payslips} payslips from {account.punches_on_device} "
        f"punches and {account.counts_acked} counter readings in {account.seconds:.1f} s. "
        "Run it with --json for programs, --input FILE for your own terminal's export."
    )


def _punches(account: Account) -> Table:
    table = _table("Punches, from device to core")
    for heading in ("on device", "fetched", "stored", "acked", "lost", "doubled", "quarantined"):
        table.add_column(heading, justify="right")
    row = (
        account.punches_on_device,
        account.fetched,
        account.stored,
        account.acked,
        account.lost,
        account.doubled,
        account.quarantined,
    )
    table.add_row(*(f"{count:,}" for count in row))
    return table


def _table(title: str) -> Table:
    """Narrow enough that a name and five amounts fit 80 columns."""
    return Table(
        title=title,
        title_justify="left",
        box=box.SIMPLE,
        collapse_padding=True,
        pad_edge=False,
    )


def _verdict(account: Account) -> str:
    if account.agrees:
        return "[green]● Every punch is at the core exactly once.[/green]\n"
    return "[red]■ The counts do not agree: see the row above.[/red]\n"


def _rates(account: Account) -> Table:
    table = _table(f"Defect rates {account.months[-1]}")
    table.add_column("person", no_wrap=True)
    for heading in ("rejects", "pieces", "rate", "95 % interval"):
        table.add_column(heading, justify="right")
    table.add_column("grade")
    for rate in account.rates:
        low, high = rate["interval_95"] or (0.0, 0.0)
        table.add_row(
            f"{rate['subject']} {rate['name']}",
            str(rate["rejects"]),
            f"{rate['pieces']:,}",
            rate["percent"],
            f"{low:.2%} – {high:.2%}",
            rate["grade"] or "not rated",
        )
    return table


def _slips(account: Account) -> Table:
    slips = account.slips[-_SLIPS_SHOWN:]
    title = f"Payslips {account.months[-1]}"
    if len(slips) < len(account.slips):
        title += f" (the last {len(slips)} of {len(account.slips)})"
    table = _table(title)
    table.add_column("person", no_wrap=True)
    for heading in ("base", "overtime", "grade", "total", "to clarify"):
        table.add_column(heading, justify="right", no_wrap=True)
    for slip in slips:
        parts = dict.fromkeys(("base", "overtime", "grade"), 0)
        for line in slip["lines"]:
            parts[line["line"].partition("_")[0]] += line["amount_fen"]
        days = len(slip["to_clarify"])
        table.add_row(
            f"{slip['number']} {slip['name']}",
            *map(_yuan, parts.values()),
            slip["total"],
            f"{days} day{'s' * (days > 1)}" if days else "",
        )
    return table


def _print_explained(console: Console, line: dict[str, Any]) -> None:
    """One line of one payslip, down to the bytes that the terminal sent."""
    console.print(
        f"Why has {line['number']} {line['name']} {_yuan(line['amount_fen'])} "
        f"for {line['label'].lower()} in {line['month']}?"
    )
    console.print(f"  rule     {line['rule']} ({line['version']})")
    console.print(f"  law      {line['source']}", soft_wrap=True)
    console.print(f"  formula  {line['formula']}")
    for key, value in line["facts"].items():
        console.print(f"           {key} = {value}")
    recomputed = "the same" if line["replayed_fen"] == line["amount_fen"] else "ANOTHER AMOUNT"
    console.print(f"  again    computed from the trace alone: {recomputed}")
    console.print(f"  days     {line['days_in_all']}, of which:")
    for day in line["days"]:
        console.print(f"  {day['day']}  {day['minutes']} minutes ({day['kind']})")
        for punch in day["punches"][:_PUNCHES_SHOWN]:
            event = punch["event"]
            console.print(
                f"    {punch['role']:8} {event['device_time']} on {event['device']}, user "
                f"{event['user_id']}\n      event {event['event_id']}\n      raw   {event['raw']}",
                soft_wrap=True,
            )
    console.print(
        "  all of it: edge-agent demo --keep FOLDER, then\n"
        f"  hr-core --db FOLDER/core.db pay explain {line['run']} {line['number']} {line['line']}",
        soft_wrap=True,
    )


def scheme_sentence(other: dict[str, Any]) -> str:
    """The same month by another scheme."""
    refused = len(other["refused"])
    not_paid = f", {refused} people not paid" if refused else ""
    return (
        f"\nThe same {other['month']} by pay scheme {other['scheme']}, insurance, fund and tax taken off: "
        f"{other['payslips']} payslips, {_yuan(other['total_fen'])} net{not_paid}. "
        "Person by person, line by line:\n"
        f"  hr-core --db FOLDER/core.db pay diff {other['beside']} {other['run']}"
    )


def board_sentence(account: Account) -> str:
    """Where to see the line: the demo's own core ends with it, and its month is over."""
    day = f"{account.months[-1]}-15"  # in the middle of the month, after the holidays
    return (
        f"\nThe line board over these {account.counts_acked} counter readings: edge-agent demo --keep "
        "FOLDER, then\n  hr-core --db FOLDER/core.db serve\n"
        f"  http://localhost:8460/en/board?shift={DAY.code}&day={day}"
    )


def _yuan(fen: int) -> str:
    sign = "-" if fen < 0 else ""
    return f"{sign}¥{abs(fen) // 100:,}.{abs(fen) % 100:02}"
