"""`edge-agent device probe`: where the way to a terminal ends, and what to do there."""

import json
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.cli.options import ConfigOption, JsonOption
from edge_agent.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from edge_agent.doctor.terminal_probe import ProbeFinding

_MARKS = {"ok": "ok  ", "warn": "WARN", "bad": "BAD "}


def probe(
    target: Annotated[
        str,
        typer.Argument(
            metavar="NAME_OR_ADDRESS", help="gate, 10.0.0.7, zk-pull://10.0.0.7:4370?comm_key=N"
        ),
    ],
    *,
    config_file: ConfigOption = None,
    as_json: JsonOption = False,
    zone: Annotated[
        str | None, typer.Option("--zone", help="Zone of the device's wall clock (IANA name).")
    ] = None,
) -> int:
    """Check one ZK terminal step by step: route, port, protocol, key, serial, clock, profile, log."""
    import asyncio

    from drivers.zk_pull import ZkPullConfig
    from edge_agent.cli.device_target import resolve
    from edge_agent.doctor.terminal_probe import probe_terminal
    from edge_agent.system_clock import SystemClock

    device = resolve(target, config_file, zone)
    if not isinstance(device.config, ZkPullConfig):
        raise UsageError(
            f"is of kind {device.config.kind}, probe knows ZK terminals only",
            where=target,
            remedy="For this kind, doctor tries the address and info asks who answers",
            try_command=f"edge-agent device info {target}",
        )
    findings = probe_terminal(device.config, clock=SystemClock(), zone=device.zone)
    return asyncio.run(_report(findings, as_json=as_json))


async def _report(findings: AsyncIterator["ProbeFinding"], *, as_json: bool) -> int:
    found = []
    async for finding in findings:
        found.append(finding)
        if not as_json:
            print(_text(finding), flush=True)
    severities = {finding.severity.value for finding in found}
    code = ExitCode.OK
    if "bad" in severities:
        code = ExitCode.BROKEN
    elif "warn" in severities:
        code = ExitCode.DEGRADED
    if as_json:
        rows = [
            {
                "step": finding.step,
                "severity": finding.severity,
                "code": finding.code,
                "what": finding.what,
                "remedy": finding.remedy,
            }
            | ({"facts": finding.facts} if finding.facts else {})
            for finding in found
        ]
        told = {"status": code.name.lower(), "findings": rows}
        sys.stdout.write(f"{json.dumps(told, ensure_ascii=False)}\n")
    return code


def _text(finding: "ProbeFinding") -> str:
    """One line with its remedy; the facts to paste stand below it as they are."""
    line = f"{_MARKS[finding.severity.value]} {finding.step:7} {finding.what}"
    if finding.remedy:
        line = f"{line.removesuffix(':')}. {finding.remedy}"
    return f"{line}\n{finding.facts}" if finding.facts else line
