"""`edge-agent doctor`: prints the findings, or all of them as one JSON object."""

import json
import sys
from collections.abc import Iterable

from edge_agent.doctor.examination import examine
from edge_agent.doctor.findings import Finding, Severity, verdict

_MARKS = {Severity.OK: "ok  ", Severity.WARN: "WARN", Severity.BAD: "BAD "}


def run_doctor(config: str | None, *, as_json: bool, with_core: bool) -> int:
    """Looks, prints, returns the exit code: 0 ok, 1 degraded, 2 broken."""
    findings = []
    for finding in examine(config, with_core=with_core):
        findings.append(finding)
        if not as_json:
            sys.stdout.write(f"{finding_text(finding)}\n")
            sys.stdout.flush()
    exit_code = verdict(findings)
    if as_json:
        sys.stdout.write(f"{as_object(findings)}\n")
    else:
        sys.stdout.write(f"\n{_closing(findings)}\n")
    return exit_code


def finding_text(finding: Finding) -> str:
    line = f"{_MARKS[finding.severity]} {finding.code} {finding.where}: {finding.what}"
    return f"{line}\n            {finding.remedy}" if finding.remedy else line


def as_object(findings: Iterable[Finding]) -> str:
    findings = list(findings)
    fields = [
        {
            "code": finding.code,
            "severity": finding.severity,
            "where": finding.where,
            "what": finding.what,
            "remedy": finding.remedy,
        }
        for finding in findings
    ]
    status = verdict(findings).name.lower()
    return json.dumps({"status": status, "findings": fields}, ensure_ascii=False)


def _closing(findings: Iterable[Finding]) -> str:
    severities = [finding.severity for finding in findings]
    bads, warns = severities.count(Severity.BAD), severities.count(Severity.WARN)
    if not bads and not warns:
        return "Everything that was looked at is in order."
    return f"{bads} bad, {warns} to look at. The codes are explained in docs/errors.md"
