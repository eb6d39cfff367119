"""The exports of a gateway: as the site file names them, as the spool counts, as the agent reports."""

from collections.abc import Iterator
from typing import Any

CORE = "core"


def export_rows(
    configured: tuple[tuple[str, str], ...], ledger: dict[str, Any], snapshot: dict[str, Any]
) -> list[dict[str, Any]]:
    """`configured`: name and kind. Sinks of the spool that nobody feeds any more come last."""
    live = {export["name"]: export for export in snapshot.get("exports", [])}
    backlog = ledger.get("backlog", {})
    kinds = dict(configured)
    orphans = [sink for sink in backlog if sink != CORE and sink not in kinds]
    return [
        {
            "name": name,
            "kind": kinds.get(name),
            "orphaned": name not in kinds,
            "backlog": sum(backlog.get(name, {}).values()),
            "position": ledger.get("positions", {}).get(name),
            "dead_letters": ledger.get("dead_letters", {}).get(name, 0),
            "given_up": ledger.get("given_up", {}).get(name, 0),
            "last_success_at": live.get(name, {}).get("last_success_at"),
            "last_error": live.get(name, {}).get("last_error"),
        }
        for name in (*kinds, *orphans)
    ]


def export_problems(rows: list[dict[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """Where, what, and the remedy."""
    for row in rows:
        where = f"export {row['name']}"
        if row["orphaned"]:
            yield (
                where,
                f"is not in the site file any more, and holds {row['backlog']} records back",
                f"edge-agent export forget {row['name']}; or write its [[export]] again",
            )
            continue
        if row["last_error"]:
            yield where, row["last_error"]["what"], row["last_error"]["remedy"]
        if row["dead_letters"]:
            yield (
                where,
                f"{row['dead_letters']} records were refused over there; they are kept here",
                "Mend the reason that each names, over there or in the site file",
            )
        if row["given_up"]:
            yield (
                where,
                f"{row['given_up']} records were older than hold_days and were passed over",
                "Mend the export before its hold_days are over, or raise them",
            )
