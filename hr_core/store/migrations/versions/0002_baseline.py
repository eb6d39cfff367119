"""Schema 2: what release 0.1.0 wrote."""

import sqlalchemy as sa
from alembic import op

from hr_core.store.postgres import TEXT

revision = "0002"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "alert_deliveries",
        sa.Column("alert", TEXT, nullable=False),
        sa.Column("occasion", TEXT, nullable=False),
        sa.Column("channel", TEXT, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("said", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("alert", "occasion", "channel", name=op.f("pk_alert_deliveries")),
    )
    with op.batch_alter_table("alert_deliveries", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_alert_deliveries_state_next_at"), ["state", "next_at"], unique=False
        )

    op.create_table(
        "badges",
        sa.Column("badge", TEXT, nullable=False),
        sa.Column("number", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("badge", name=op.f("pk_badges")),
    )
    op.create_table(
        "batch_pages",
        sa.Column("gateway", TEXT, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("batch_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("previous", sa.LargeBinary(length=32), nullable=False),
        sa.Column("content_type", TEXT, nullable=False),
        sa.Column("body_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("signature", sa.LargeBinary(length=64), nullable=False),
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("gateway", "number", name=op.f("pk_batch_pages")),
    )
    op.create_table(
        "batches",
        sa.Column("gateway", TEXT, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("batch_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("previous", sa.LargeBinary(length=32), nullable=False),
        sa.Column("content_type", TEXT, nullable=False),
        sa.Column("body_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("signature", sa.LargeBinary(length=64), nullable=False),
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("site", TEXT, nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("watermarks", sa.LargeBinary(), nullable=False),
        sa.Column("core_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("receipt", sa.LargeBinary(length=64), nullable=False),
        sa.Column("outcomes", sa.LargeBinary(), nullable=False),
        sa.Column("digests", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("gateway", "number", name=op.f("pk_batches")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "core_identity",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("public_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_core_identity_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_core_identity")),
    )
    op.create_table(
        "counter_replacements",
        sa.Column("source", TEXT, nullable=False),
        sa.Column("tag", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("author", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "tag", "at", name=op.f("pk_counter_replacements")),
    )
    op.create_table(
        "device_gateways",
        sa.Column("serial", TEXT, nullable=False),
        sa.Column("gateway", TEXT, nullable=False),
        sa.Column("first_seen", sa.BigInteger(), nullable=False),
        sa.Column("last_seen", sa.BigInteger(), nullable=False),
        sa.Column("accepted", sa.BigInteger(), nullable=False),
        sa.Column("duplicate", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("serial", "gateway", name=op.f("pk_device_gateways")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "device_users",
        sa.Column("serial", TEXT, nullable=False),
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("number", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("serial", "user_id", name=op.f("pk_device_users")),
    )
    op.create_table(
        "enrolment_tokens",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("gateway", TEXT, nullable=False),
        sa.Column("site", TEXT, nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("again", sa.Boolean(), nullable=False),
        sa.Column("void_from", sa.BigInteger(), nullable=True),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.Column("used_by", sa.LargeBinary(length=32), nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_enrolment_tokens")),
    )
    with op.batch_alter_table("enrolment_tokens", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_enrolment_tokens_gateway"), ["gateway"], unique=False)

    op.create_table(
        "erasures",
        sa.Column("gateway", TEXT, nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("erased_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("gateway", "batch", "position", name=op.f("pk_erasures")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "event_totals",
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("device", TEXT, nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "device", name=op.f("pk_event_totals")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "gateway_keys",
        sa.Column("gateway", TEXT, nullable=False),
        sa.Column("public_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("refused_from", sa.BigInteger(), nullable=True),
        sa.Column("reason", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("gateway", "public_key", name=op.f("pk_gateway_keys")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "gateway_log",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("act", TEXT, nullable=False),
        sa.Column("gateway", TEXT, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("public_key", sa.LargeBinary(length=32), nullable=True),
        sa.Column("detail", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_log")),
    )
    with op.batch_alter_table("gateway_log", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_gateway_log_act_id"), ["act", "id"], unique=False)

    op.create_table(
        "gateways",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("site", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_gateways")),
    )
    op.create_table(
        "line_files",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_line_files")),
    )
    op.create_table(
        "lines",
        sa.Column("code", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("name_zh", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_lines")),
    )
    op.create_table(
        "pay_runs",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("month", TEXT, nullable=False),
        sa.Column("scheme", TEXT, nullable=False),
        sa.Column("scheme_version", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("total_fen", sa.BigInteger(), nullable=False),
        sa.Column("findings", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_pay_runs")),
    )
    op.create_table(
        "people",
        sa.Column("number", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("shift", TEXT, nullable=False),
        sa.Column("base_fen", sa.BigInteger(), nullable=False),
        sa.Column("zone", TEXT, nullable=False),
        sa.Column("origin", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_people")),
    )
    op.create_table(
        "piece_scans",
        sa.Column("event_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("tag", TEXT, nullable=False),
        sa.Column("metric", TEXT, nullable=False),
        sa.Column("code", TEXT, nullable=False),
        sa.Column("badge", TEXT, nullable=False),
        sa.Column("boot_id", TEXT, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_piece_scans")),
    )
    with op.batch_alter_table("piece_scans", schema=None) as batch_op:
        batch_op.create_index("piece_scans_by_code", ["code", "at"], unique=False)
        batch_op.create_index("piece_scans_by_reading", ["source", "seq"], unique=False)
        batch_op.create_index("piece_scans_by_time", ["at"], unique=False)

    op.create_table(
        "quality_alerts",
        sa.Column("identity", TEXT, nullable=False),
        sa.Column("line", TEXT, nullable=False),
        sa.Column("raised_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("identity", name=op.f("pk_quality_alerts")),
    )
    op.create_table(
        "quality_corrections",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("line", TEXT, nullable=False),
        sa.Column("concerns", TEXT, nullable=False),
        sa.Column("counts_in", TEXT, nullable=False),
        sa.Column("pieces", sa.BigInteger(), nullable=False),
        sa.Column("rejects", sa.BigInteger(), nullable=False),
        sa.Column("author", TEXT, nullable=False),
        sa.Column("approver", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_quality_corrections")),
    )
    op.create_table(
        "quality_figures",
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("window", TEXT, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "window", "revision", name=op.f("pk_quality_figures")),
    )
    op.create_table(
        "raw_events",
        sa.Column("event_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("device", TEXT, nullable=False),
        sa.Column("user_id", TEXT, nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("zone", TEXT, nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("clock_offset_ms", sa.BigInteger(), nullable=True),
        sa.Column("flags", TEXT, nullable=False),
        sa.Column("gateway", TEXT, nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("salt", sa.LargeBinary(length=16), nullable=False),
        sa.Column("ingested_at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_raw_events")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "refusals",
        sa.Column("gateway", TEXT, nullable=False),
        sa.Column("code", TEXT, nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("what", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("gateway", "code", name=op.f("pk_refusals")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "schema_version",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_schema_version_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schema_version")),
    )
    op.create_table(
        "schemes",
        sa.Column("code", TEXT, nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_schemes")),
    )
    op.create_table(
        "shifts",
        sa.Column("code", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("name_zh", TEXT, nullable=False),
        sa.Column("start_min", sa.Integer(), nullable=False),
        sa.Column("end_min", sa.Integer(), nullable=False),
        sa.Column("break_min", sa.Integer(), nullable=False),
        sa.Column("break_start_min", sa.Integer(), nullable=False),
        sa.Column("early_in_min", sa.Integer(), nullable=False),
        sa.Column("late_out_min", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_shifts")),
    )
    op.create_table(
        "site",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("zone", TEXT, nullable=False),
        sa.Column("scheme", TEXT, nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_site_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site")),
    )
    op.create_table(
        "stations",
        sa.Column("source", TEXT, nullable=False),
        sa.Column("tag", TEXT, nullable=False),
        sa.Column("line", TEXT, nullable=False),
        sa.Column("modulus", sa.BigInteger(), nullable=True),
        sa.Column("max_rate_per_s", sa.BigInteger(), nullable=True),
        sa.Column("retentive", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("source", "tag", name=op.f("pk_stations")),
    )
    op.create_table(
        "swap_alarms",
        sa.Column("identity", TEXT, nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("identity", name=op.f("pk_swap_alarms")),
    )
    op.create_table(
        "watermarks",
        sa.Column("gateway", TEXT, nullable=False),
        sa.Column("serial", TEXT, nullable=False),
        sa.Column("complete_until", sa.BigInteger(), nullable=True),
        sa.Column("on_device", sa.BigInteger(), nullable=True),
        sa.Column("fetched", sa.BigInteger(), nullable=False),
        sa.Column("stored", sa.BigInteger(), nullable=False),
        sa.Column("held_by", TEXT, nullable=True),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("gateway", "serial", name=op.f("pk_watermarks")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "pay_slips",
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("number", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("total_fen", sa.BigInteger(), nullable=False),
        sa.Column("to_clarify", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["run"], ["pay_runs.number"], name=op.f("fk_pay_slips_run_pay_runs")
        ),
        sa.PrimaryKeyConstraint("run", "number", name=op.f("pk_pay_slips")),
    )
    op.create_table(
        "run_days",
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("number", TEXT, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("result", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run"], ["pay_runs.number"], name=op.f("fk_run_days_run_pay_runs")
        ),
        sa.PrimaryKeyConstraint("run", "number", "day", name=op.f("pk_run_days")),
    )
    op.create_table(
        "pay_lines",
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("number", TEXT, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("code", TEXT, nullable=False),
        sa.Column("label", TEXT, nullable=False),
        sa.Column("label_zh", TEXT, nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("note", TEXT, nullable=False),
        sa.Column("trace", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run", "number"],
            ["pay_slips.run", "pay_slips.number"],
            name=op.f("fk_pay_lines_run_number_pay_slips"),
        ),
        sa.PrimaryKeyConstraint("run", "number", "position", name=op.f("pk_pay_lines")),
    )
