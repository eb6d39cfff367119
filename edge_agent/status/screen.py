"""The status report as one screen of text."""

from edge_agent.status.columns import aligned
from edge_agent.status.report import StatusReport

_COLUMNS = {
    "DEVICE": "name",
    "KIND": "kind",
    "STATE": "state",
    "SERIAL": "serial",
    "ON DEVICE": "on_device",
    "FETCHED": "fetched",
    "STORED": "stored",
    "ACKED": "acked",
    "COMPLETE (UTC)": "complete_until",
    "FULL": "full",
}

_EXPORT_COLUMNS = {
    "EXPORT": "name",
    "KIND": "kind",
    "WAITING": "backlog",
    "REFUSED": "dead_letters",
    "LAST SUCCESS": "last_success_at",
}

_SHOWN_REPLACEMENTS = 5  # --json has all


def screen(report: StatusReport) -> str:
    lines = [report["sentence"], ""]
    if report["devices"]:
        rows = [
            [_short(key, device[key]) for key in _COLUMNS.values()] for device in report["devices"]
        ]
        lines += [*aligned(list(_COLUMNS), rows), ""]
    waiting = ", ".join(f"{sink} {rows}" for sink, rows in report["backlog"].items())
    lines += aligned(
        ["backlog", waiting or "0"],
        [
            ["quarantine", str(report["quarantined"])],
            ["dead letters", str(report["dead_letters"])],
        ],
    )
    if report["exports"]:
        rows = [[export[key] for key in _EXPORT_COLUMNS.values()] for export in report["exports"]]
        lines += ["", *aligned(list(_EXPORT_COLUMNS), rows)]
    if report["replacements"]:
        lines += ["", "Replaced units:"]
    lines += [
        f"  {order['name']}: {order['old']} → {order['new']}, {order['ordered_at'][:19]}Z by "
        f"{order['ordered_by']}"
        for order in report["replacements"][-_SHOWN_REPLACEMENTS:]
    ]
    if report["problems"]:
        lines += ["", "To look at:"]
    for number, problem in enumerate(report["problems"], start=1):
        lines += [
            f" {number}. {problem['where']}: {problem['what']}",
            f"    {problem['remedy']}",
        ]
    return "\n".join(lines)


def _short(key: str, value: object) -> object:
    """An instant to the minute: `watermark` has the rest."""
    return str(value)[:16].replace("T", " ") if key == "complete_until" and value else value
