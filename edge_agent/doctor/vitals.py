"""What the running agent noticed of each device: how full it is, how good the line, its log."""

from collections.abc import Iterator, Mapping
from typing import Any

from edge_agent.doctor.findings import Code, Finding, Severity, good
from edge_agent.status.agent import Agent

_CODES = {"memory_filling": Code.MEMORY_FILLING, "bad_line": Code.BAD_LINE}


def check_vitals(agent: Agent) -> Iterator[Finding]:
    """Nothing while the agent does not run: what it said last may long be different."""
    if not agent.running:
        return
    for device in agent.snapshot.get("devices", []):
        where = f"device {device['name']}"
        warnings = device.get("warnings", [])
        for warning in warnings:
            yield Finding(
                _CODES.get(warning["code"], Code.DEVICE_ALARM),  # drivers name their own alarms
                Severity(warning["severity"]),
                where,
                warning["what"],
                warning["remedy"],
            )
        codes = {warning["code"] for warning in warnings}
        if device.get("memories") and "memory_filling" not in codes:
            yield good(Code.MEMORY_FILLING, where, _fill(device["memories"]))
        if device.get("line") and "bad_line" not in codes:
            yield good(Code.BAD_LINE, where, _counts(device["line"]))


def _fill(memories: list[Mapping[str, Any]]) -> str:
    told = (
        f"{memory['name']} "
        + ("unknown" if memory["percent"] is None else f"{memory['percent']:.0f} % full")
        for memory in memories
    )
    return ", ".join(told)


def _counts(line: Mapping[str, Any]) -> str:
    return (
        f"{line['requests']} requests, {line['repeats']} repeated, {line['timeouts']} unanswered; "
        f"{line['wrong_checksums']} of {line['packets']} packets with a wrong checksum; "
        f"{line['connections']} connections, {line['losses']} broken"
    )
