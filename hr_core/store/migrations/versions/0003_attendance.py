"""Schema 3: attendance."""

from datetime import date
from typing import Any

import sqlalchemy as sa
from alembic import op

from hr_core.store.postgres import TEXT

revision = "0003"
down_revision = "0002"

# An open beginning: a column of a key is never NULL.
_ALWAYS = date.min


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("roles", TEXT, nullable=False),
        sa.Column("person", TEXT, nullable=True),
        sa.Column("scope", TEXT, nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("must_change", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("password", TEXT, nullable=True),
        sa.Column("setup_digest", sa.LargeBinary(length=32), nullable=True),
        sa.Column("setup_expires", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_accounts")),
        sa.UniqueConstraint("setup_digest", name=op.f("uq_accounts_setup_digest")),
    )
    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_accounts_person"), ["person"], unique=False)

    op.create_table(
        "adoptions",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("serial", TEXT, nullable=False),
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("facts", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("asked_by", TEXT, nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", TEXT, nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("person", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_adoptions")),
    )
    op.create_table(
        "api_tokens",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("label", TEXT, nullable=False),
        sa.Column("scopes", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("last_used", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_tokens_digest")),
    )
    with op.batch_alter_table("api_tokens", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_api_tokens_account"), ["account"], unique=False)

    op.create_table(
        "attendance_corrections",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("person", TEXT, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("month", TEXT, nullable=False),
        sa.Column("before", sa.LargeBinary(), nullable=True),
        sa.Column("after", sa.LargeBinary(), nullable=False),
        sa.Column("cause", TEXT, nullable=False),
        sa.Column("found_at", sa.BigInteger(), nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("settled_by", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_attendance_corrections")),
    )
    with op.batch_alter_table("attendance_corrections", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_attendance_corrections_month_state"), ["month", "state"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_attendance_corrections_person_day"), ["person", "day"], unique=False
        )

    op.create_table(
        "attendance_days",
        sa.Column("person", TEXT, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("to_clarify", sa.Boolean(), nullable=False),
        sa.Column("result", sa.LargeBinary(), nullable=False),
        sa.Column("computed_at", sa.BigInteger(), nullable=False),
        sa.Column("cause", TEXT, nullable=False),
        sa.Column("look_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("person", "day", name=op.f("pk_attendance_days")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("attendance_days", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_attendance_days_day"), ["day"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_attendance_days_look_at"),
            ["look_at"],
            unique=False,
            sqlite_where=sa.text("look_at IS NOT NULL"),
            postgresql_where=sa.text("look_at IS NOT NULL"),
        )

    op.create_table(
        "attendance_locks",
        sa.Column("month", TEXT, nullable=False),
        sa.Column("locked_at", sa.BigInteger(), nullable=False),
        sa.Column("locked_by", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("month", name=op.f("pk_attendance_locks")),
    )
    op.create_table(
        "attendance_revisions",
        sa.Column("person", TEXT, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("result", sa.LargeBinary(), nullable=False),
        sa.Column("computed_at", sa.BigInteger(), nullable=False),
        sa.Column("cause", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("person", "day", "revision", name=op.f("pk_attendance_revisions")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "attendance_rule_sets",
        sa.Column("version", TEXT, nullable=False),
        sa.Column("file", TEXT, nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("added_by", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_attendance_rule_sets")),
    )
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_audit_head_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "audit_log",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("before", TEXT, nullable=False),
        sa.Column("after", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("previous", sa.LargeBinary(length=32), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_log")),
    )
    with op.batch_alter_table("audit_log", schema=None) as batch_op:
        batch_op.create_index("ix_audit_log_subject_number", ["subject", "number"], unique=False)

    op.create_table(
        "correction_policies",
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("first_day", name=op.f("pk_correction_policies")),
    )
    op.create_table(
        "device_sites",
        sa.Column("serial", TEXT, nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("site", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("serial", "valid_from", name=op.f("pk_device_sites")),
    )
    op.create_table(
        "employee_numbers",
        sa.Column("employee_number", TEXT, nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("person", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("employee_number", "valid_from", name=op.f("pk_employee_numbers")),
    )
    with op.batch_alter_table("employee_numbers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_employee_numbers_person"), ["person"], unique=False)

    op.create_table(
        "employments",
        sa.Column("contract", TEXT, nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("person", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("employer", TEXT, nullable=False),
        sa.Column("hourly_fen", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("contract", "valid_from", name=op.f("pk_employments")),
    )
    with op.batch_alter_table("employments", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_employments_person"), ["person"], unique=False)

    op.create_table(
        "hour_permits",
        sa.Column("number", TEXT, nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_hour_permits")),
    )
    op.create_table(
        "hour_rule_files",
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.Column("author", TEXT, nullable=False),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "number", name=op.f("pk_hour_rule_files")),
    )
    op.create_table(
        "login_failures",
        sa.Column("name_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("wait_until", sa.BigInteger(), nullable=True),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name_digest", name=op.f("pk_login_failures")),
    )
    with op.batch_alter_table("login_failures", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_login_failures_last_at"), ["last_at"], unique=False)

    op.create_table(
        "memberships",
        sa.Column("unit", TEXT, nullable=False),
        sa.Column("person", TEXT, nullable=False),
        sa.Column("role", TEXT, nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint(
            "unit", "person", "role", "valid_from", name=op.f("pk_memberships")
        ),
    )
    with op.batch_alter_table("memberships", schema=None) as batch_op:
        batch_op.create_index("ix_memberships_person", ["person"], unique=False)

    op.create_table(
        "merged_people",
        sa.Column("person", TEXT, nullable=False),
        sa.Column("into", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_merged_people")),
    )
    with op.batch_alter_table("merged_people", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_merged_people_into"), ["into"], unique=False)

    op.create_table(
        "person_id_digits",
        sa.Column("person", TEXT, nullable=False),
        sa.Column("digits", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_person_id_digits")),
    )
    op.create_table(
        "person_keys",
        sa.Column("person", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_person_keys")),
    )
    op.create_table(
        "places",
        sa.Column("code", TEXT, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_places")),
    )
    op.create_table(
        "punch_arrivals",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("event_ids", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_punch_arrivals")),
    )
    op.create_table(
        "punch_dates",
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("event_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("device", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("ordinal", "user_id", "event_id", name=op.f("pk_punch_dates")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "recompute_marks",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_recompute_marks")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "requests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("reverses", sa.Integer(), nullable=True),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("asked_by", TEXT, nullable=False),
        sa.Column("relation", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("evidence", TEXT, nullable=False),
        sa.Column("rule_version", TEXT, nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("decided_by", TEXT, nullable=False),
        sa.Column("decision", TEXT, nullable=False),
        sa.Column("queued_days", TEXT, nullable=False),
        sa.Column("settles_on", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requests")),
    )
    with op.batch_alter_table("requests", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_requests_person_first_day"), ["person", "first_day"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_requests_settles_on"), ["settles_on"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_requests_state_first_day"), ["state", "first_day"], unique=False
        )

    op.create_table(
        "roster_assignments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subject_kind", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("rotation", TEXT, nullable=True),
        sa.Column("cycle_offset", sa.Integer(), nullable=False),
        sa.Column("duty", TEXT, nullable=False),
        sa.Column("kind_from", TEXT, nullable=False),
        sa.Column("site", TEXT, nullable=False),
        sa.Column("rules", TEXT, nullable=True),
        sa.Column("origin", TEXT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("replaced_by", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster_assignments")),
    )
    with op.batch_alter_table("roster_assignments", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_roster_assignments_subject_subject_kind"),
            ["subject", "subject_kind"],
            unique=False,
        )

    op.create_table(
        "roster_versions",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("file", TEXT, nullable=False),
        sa.Column("sha256", TEXT, nullable=False),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.Column("imported_by", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_roster_versions")),
    )
    op.create_table(
        "rotations",
        sa.Column("code", TEXT, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_rotations")),
    )
    op.create_table(
        "seen_watermarks",
        sa.Column("device", TEXT, nullable=False),
        sa.Column("complete_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("device", name=op.f("pk_seen_watermarks")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sessions",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("account", TEXT, nullable=False),
        sa.Column("address", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_sessions")),
    )
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sessions_account"), ["account"], unique=False)
        batch_op.create_index(batch_op.f("ix_sessions_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "site_calendars",
        sa.Column("site", TEXT, nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("site", "first_day", name=op.f("pk_site_calendars")),
    )
    op.create_table(
        "site_zones",
        sa.Column("site", TEXT, nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("zone", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("site", "valid_from", name=op.f("pk_site_zones")),
    )
    op.create_table(
        "time_off_entries",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("person", TEXT, nullable=False),
        sa.Column("lot", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("minutes", sa.BigInteger(), nullable=False),
        sa.Column("booked", sa.Date(), nullable=False),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("leave", TEXT, nullable=False),
        sa.Column("rate_percent", sa.Integer(), nullable=True),
        sa.Column("note", TEXT, nullable=False),
        sa.Column("origin", TEXT, nullable=True),
        sa.Column("author", TEXT, nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_time_off_entries")),
    )
    with op.batch_alter_table("time_off_entries", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_time_off_entries_person"), ["person"], unique=False)

    op.create_table(
        "touched_days",
        sa.Column("person", TEXT, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("cause", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("person", "day", name=op.f("pk_touched_days")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "unit_parents",
        sa.Column("unit", TEXT, nullable=False),
        sa.Column("parent", TEXT, nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("unit", "parent", "valid_from", name=op.f("pk_unit_parents")),
    )
    op.create_table(
        "units",
        sa.Column("code", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("name_zh", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_units")),
    )
    op.create_table(
        "waiting_days",
        sa.Column("device", TEXT, nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("person", TEXT, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("device", "until", "person", "day", name=op.f("pk_waiting_days")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("badges", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("entered", sa.Boolean(), server_default=sa.false(), nullable=False)
        )

    _date_device_users()
    _number_people()


def _date_device_users() -> None:
    """The day from which a row holds becomes part of its key, so the table is made anew."""
    old = sa.table("device_users", *map(sa.column, ("serial", "user_id", "number")))
    rows = [
        {**row, "valid_from": _ALWAYS} for row in op.get_bind().execute(sa.select(old)).mappings()
    ]
    op.drop_table("device_users")
    new = op.create_table(
        "device_users",
        sa.Column("serial", TEXT, nullable=False),
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("number", TEXT, nullable=False),
        sa.Column("entered", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("serial", "user_id", "valid_from", name=op.f("pk_device_users")),
    )
    op.create_index(op.f("ix_device_users_number"), "device_users", ["number"], unique=False)
    if rows:
        op.bulk_insert(new, rows)


def _number_people() -> None:
    """Everybody has had the number that is their key, and one contract, at all times."""
    number = sa.column("number", sa.Text)
    people = sa.table("people", number)
    always = sa.literal(_ALWAYS, sa.Date)
    filled: tuple[tuple[str, dict[str, Any]], ...] = (
        ("employee_numbers", {"employee_number": number, "valid_from": always, "person": number}),
        (
            "employments",
            {
                "contract": number.concat("/1"),
                "valid_from": always,
                "person": number,
                "kind": sa.literal("employee", sa.Text),
                "employer": sa.literal("", sa.Text),
            },
        ),
        ("person_keys", {"person": number}),
    )
    for table, values in filled:
        into = sa.table(table, *map(sa.column, values))
        found = sa.select(*values.values()).select_from(people)
        op.execute(sa.insert(into).from_select(list(values), found))
