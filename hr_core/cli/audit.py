"""`hr-core audit verify|chains|log|export|purge`: what gateways signed, what was refused, who changed
what, and keeping that for ten years and longer.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.options import (
    ByOption,
    DbOption,
    ExitCode,
    JsonOption,
    print_json,
    reading,
    writing,
)
from hr_core.errors import CoreError, NotFoundError

if TYPE_CHECKING:
    from hr_core.audit.log import AuditEntry, LogReport
    from hr_core.audit.verification import ChainReport

app = typer.Typer(
    help="Prove that the records are as gateways sent them, and who changed what.",
    rich_markup_mode=None,
)

GatewayOption = Annotated[
    str | None, typer.Option("--gateway", help="Only this one.", show_default=False)
]


@app.command("verify")
def verify(
    context: typer.Context,
    *,
    gateway: GatewayOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Hold every stored batch and record against its signatures, the audit log against its hashes,
    and approved pay runs against what was approved. Exit 2 when one does not stand.
    """
    from hr_core.audit import log as audit_log
    from hr_core.audit.verification import verify_chains
    from hr_core.pay.run_life import changed_runs

    with reading(context, db) as conn:
        reports = verify_chains(conn, gateway)
        log_report = audit_log.verify(conn)
        runs = changed_runs(conn)
    if gateway is not None and not reports[0].batches:
        raise NotFoundError(
            f"no batch of a gateway {gateway!r} is here", remedy="hr-core audit chains lists them"
        )
    faulty = any(report.faults for report in reports) or bool(log_report.faults or runs)
    if as_json:
        print_json(
            {
                "status": "broken" if faulty else "ok",
                "gateways": reports,
                "log": log_report,
                "changed_runs": runs,
            }
        )
    else:
        for report in reports:
            _print(report)
        if not reports:
            print("no gateway has delivered yet")
        _print_log_report(log_report)
        for run in runs:
            print(f"pay run {run}  DOES NOT STAND: it is not what was approved")
    return ExitCode.BROKEN if faulty else ExitCode.OK


def _print(report: ChainReport) -> None:
    until = "" if report.last_at is None else f", the last at {report.last_at:%Y-%m-%d %H:%M} UTC"
    verdict = "DOES NOT STAND" if report.faults else "stands"
    print(
        f"{report.gateway}  {verdict}: {report.batches} batches, {report.records} records, "
        f"{report.stored} stored, {report.erased} erased{until}"
    )
    for fault in report.faults:
        print(f"  {fault.gateway} batch {fault.number}: {fault.what}")


def _print_log_report(report: LogReport) -> None:
    verdict = "stands"
    if report.faults:
        verdict = f"DOES NOT STAND, broken at row {report.broken_at}"
    begin = f" after row {report.begins_after}, which was purged" if report.begins_after else ""
    print(f"audit log  {verdict}: {report.rows} rows{begin}, head {report.head}")
    for fault in report.faults:
        print(f"  {fault}")


@app.command("log")
def log(
    context: typer.Context,
    *,
    subject: Annotated[
        str | None, typer.Option("--subject", help='Only of this one, like "person 1007".')
    ] = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show who changed what, when and why, oldest first."""
    from hr_core.audit.log import entries

    with reading(context, db) as conn:
        found = entries(conn, subject=subject)
    if as_json:
        print_json({"log": found})
        return
    for one in found:
        _print_entry(one)
    if not found:
        print("nothing was changed by a person yet")


def _print_entry(one: AuditEntry) -> None:
    reason = f": {one.reason}" if one.reason else ""
    print(
        f"{one.number}  {one.at:%Y-%m-%d %H:%M:%S} UTC  {one.actor}  {one.action}  "
        f"{one.subject}{reason}"
    )


@app.command("export")
def export(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(help="A folder, made when it is not there.", show_default=False)
    ],
    *,
    year: Annotated[int | None, typer.Option("--year", help="Only this one (UTC).")] = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the audit log as JSON lines, a file for each year, with the text that explains it and a
    program that checks the chain without this one.
    """
    from hr_core.audit.export import export as write

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with reading(context, db) as conn:
            found = write(conn, folder, year)
    except OSError as exc:
        raise CoreError(
            f"{folder} cannot be written ({exc.strerror})", remedy="give a folder of your own"
        ) from exc
    if as_json:
        print_json({"years": found})
        return
    for one in found:
        print(f"{one.file}  {one.rows} rows, head {one.head}")
    print(f"to check it anywhere: python3 {folder / 'check_audit.py'} {folder}/audit-*.jsonl")


@app.command("purge")
def purge(
    context: typer.Context,
    *,
    before: Annotated[
        datetime,
        typer.Option(
            "--before", formats=["%Y-%m-%d"], help="Rows before this day (UTC) go, ten years old."
        ),
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the log.")],
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take rows that are older than ten years out of the audit log, from its beginning. The last hash
    stays, and the log tells it: verify still stands. Export them first.
    """
    from hr_core.audit.retention import purge as purge_log
    from hr_core.cli.gateways import operator
    from hr_core.clock import SystemClock

    with writing(context, db) as conn:
        done = purge_log(
            conn,
            before.replace(tzinfo=UTC),
            at=SystemClock().now(),
            by=by or operator(),
            reason=reason,
        )
    if as_json:
        print_json(done)
    else:
        print(f"{done.rows} rows went, the last is row {done.until} with hash {done.hash}")


@app.command("chains")
def chains(context: typer.Context, *, db: DbOption = None, as_json: JsonOption = False) -> int:
    """Show each gateway's last batch, and what was refused. Exit 1 when something was."""
    from hr_core.store.chains import chained_gateways, head_of
    from hr_core.store.refusals import refusals_of

    with reading(context, db) as conn:
        heads = {name: head_of(conn, name) for name in chained_gateways(conn)}
        refused = refusals_of(conn)
    if as_json:
        last = [
            {"gateway": name, "number": head.number, "batch_hash": head.batch_hash.hex()}
            for name, head in heads.items()
        ]
        print_json({"chains": last, "refusals": refused})
    else:
        for name, head in heads.items():
            print(f"{name}  batch {head.number}  {head.batch_hash.hex()[:16]}…")
        for one in refused:
            print(
                f"REFUSED {one.code}  {one.gateway or 'strangers'}  {one.total} times, the last at "
                f"{one.last_at:%Y-%m-%d %H:%M} UTC: {one.what}"
            )
    return ExitCode.DEGRADED if refused else ExitCode.OK
