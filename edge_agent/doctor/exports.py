"""The exports: does each reach its system with its credentials, and what waits for a person."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from edge_agent.config.exports import AnyExport, SftpExport
from edge_agent.config.places import Places
from edge_agent.doctor.findings import Code, Finding, good, warn
from edge_agent.exporting import make_exporter
from edge_agent.status.exports import export_rows
from edge_agent.system_clock import SystemClock
from sync.exporters.errors import ExportError

CHECK_S = 10.0  # of one export; all are asked at the same time


async def check_exports(exports: Sequence[AnyExport]) -> list[Finding]:
    """Asks every other system, leaves nothing there."""
    found = await asyncio.gather(*(_check(config) for config in exports))
    return [finding for findings in found for finding in findings]


def check_export_ledger(places: Places, ledger: Mapping[str, Any]) -> Iterator[Finding]:
    """What the spool tells: sinks that nobody feeds, refused and passed over records."""
    for row in export_rows(places.exports, dict(ledger), {}):
        where = f"export {row['name']}"
        if row["orphaned"]:
            yield warn(
                Code.EXPORT_ORPHANED,
                where,
                f"is not in the site file, and holds {row['backlog']} records back",
                f"edge-agent export forget {row['name']}; or write its [[export]] again",
            )
        if row["dead_letters"]:
            yield warn(
                Code.EXPORT_REFUSALS,
                where,
                f"{row['dead_letters']} records were refused over there; they are kept here",
                "Mend the reason that each names, over there or in the site file",
            )
        if row["given_up"]:
            yield warn(
                Code.EXPORT_GAVE_UP,
                where,
                f"{row['given_up']} records were older than hold_days and were passed over",
                "Mend the export before its hold_days are over, or raise them",
            )


async def _check(config: AnyExport) -> list[Finding]:
    where = f"export {config.name}"
    findings = []
    exporter = make_exporter(config, clock=SystemClock())
    try:
        async with asyncio.timeout(CHECK_S):
            findings.append(good(Code.EXPORT_FAILING, where, await exporter.check()))
    except ExportError as error:
        findings.append(warn(Code.EXPORT_FAILING, where, error.what, error.remedy))
    except TimeoutError:
        what = f"no answer within {CHECK_S:g} s"
        remedy = "Check this gateway's network and the address; its records are kept here"
        findings.append(warn(Code.EXPORT_FAILING, where, what, remedy))
    finally:
        await exporter.aclose()
    if isinstance(config, SftpExport) and not config.check_host_key:
        findings.append(
            warn(
                Code.EXPORT_HOST_KEY,
                where,
                "the server's host key is not checked, so anybody in between can read the punches",
                'Set known_hosts = "…" and take check_host_key = false out',
            )
        )
    return findings
