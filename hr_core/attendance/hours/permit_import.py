"""Permits into the store: the whole file or nothing, each change with its row in the audit log."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from hr_core.attendance.hours.permit_file import read_permits
from hr_core.audit import log as audit
from hr_core.store import audit_log
from hr_core.store.permits import load_permits, save_permits


class ImportedPermits(Struct, frozen=True, kw_only=True):
    file: str
    added: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: int


def import_permits(
    conn: sa.Connection, text: str, *, file: str, actor: str, at: datetime
) -> ImportedPermits:
    """Raises PermitFileError; the caller's transaction then rolls back."""
    audit_log.lock_head(conn)  # no other import between the check for conflicts and the write
    known = {permit.number: permit for permit in load_permits(conn)}
    permits = read_permits(text, file=file, known=tuple(known.values()))
    changed = [row for row in permits if known.get(row.number) != row]
    save_permits(conn, changed)
    for row in changed:
        before = known.get(row.number)
        audit.append(
            conn, at, actor, "permits.import", f"permit {row.number}", before, row, f"file {file}"
        )
    return ImportedPermits(
        file=file,
        added=tuple(row.number for row in changed if row.number not in known),
        changed=tuple(row.number for row in changed if row.number in known),
        unchanged=len(permits) - len(changed),
    )
