"""`edge-agent status`: the one implementation behind the fast front door and the typer command."""

import json
import sys
from datetime import UTC, datetime

from edge_agent.config.places import read_places, require_config
from edge_agent.errors import CommandError, ExitCode, error_line
from edge_agent.status.report import read_report
from edge_agent.status.screen import screen

EXIT_CODES = {"ok": ExitCode.OK, "degraded": ExitCode.DEGRADED, "broken": ExitCode.BROKEN}


def run_status(config: str | None, *, as_json: bool) -> int:
    """Prints the status of the gateway that the site file describes, returns the exit code."""
    try:
        report = read_report(read_places(require_config(config)), datetime.now(UTC))
    except CommandError as error:
        if as_json:
            _write(json.dumps(_unreadable(error), ensure_ascii=False))
        sys.stderr.write(f"{error_line(error)}\n")
        return error.exit_code
    _write(json.dumps(report, ensure_ascii=False) if as_json else screen(report))
    return EXIT_CODES[report["status"]]


def _write(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _unreadable(error: CommandError) -> dict[str, object]:
    problem = {
        "severity": "bad",
        "where": error.where,
        "what": error.what,
        "remedy": error.remedy,
    }
    return {"status": "broken", "sentence": error.what, "problems": [problem]}
