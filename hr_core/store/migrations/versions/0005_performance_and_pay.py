"""Schema 5: performance and pay."""

import sqlalchemy as sa
from alembic import op

from hr_core.store.postgres import TEXT

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "approvals",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("content", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("proposed_at", sa.BigInteger(), nullable=False),
        sa.Column("proposed_by", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("decided_by", TEXT, nullable=True),
        sa.Column("decision", TEXT, nullable=False),
        sa.CheckConstraint(
            "(state = 'proposed') = (decided_at IS NULL) AND (decided_at IS NULL) = (decided_by IS NULL)",
            name=op.f("ck_approvals_decided"),
        ),
        sa.CheckConstraint(
            "state IN ('proposed', 'approved', 'refused', 'withdrawn')",
            name=op.f("ck_approvals_state"),
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_approvals")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("approvals", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_approvals_kind_state_subject"),
            ["kind", "state", "subject"],
            unique=False,
        )

    op.create_table(
        "assessments",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("person", TEXT, nullable=False),
        sa.Column("period", TEXT, nullable=False),
        sa.Column("post", TEXT, nullable=False),
        sa.Column("share_percent", TEXT, nullable=False),
        sa.Column("rater", TEXT, nullable=False),
        sa.Column("goals_version", sa.Integer(), nullable=True),
        sa.Column("indicators", TEXT, nullable=False),
        sa.Column("opened_by", TEXT, nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("rater <> person", name=op.f("ck_assessments_two_people")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_assessments")),
    )
    with op.batch_alter_table("assessments", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_assessments_period_person"), ["period", "person"], unique=False
        )

    op.create_table(
        "audit_checkpoint",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_audit_checkpoint_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_checkpoint")),
    )
    op.create_table(
        "goal_reminders",
        sa.Column("owner", TEXT, nullable=False),
        sa.Column("goal", TEXT, nullable=False),
        sa.Column("period", TEXT, nullable=False),
        sa.Column("week", TEXT, nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("owner", "goal", "period", "week", name=op.f("pk_goal_reminders")),
    )
    op.create_table(
        "goal_rule_files",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("added_by", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_goal_rule_files")),
    )
    op.create_table(
        "goal_sets",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("level", TEXT, nullable=False),
        sa.Column("owner", TEXT, nullable=False),
        sa.Column("period", TEXT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("made_by", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_goal_sets")),
        sa.UniqueConstraint(
            "level",
            "owner",
            "period",
            "version",
            name=op.f("uq_goal_sets_level_owner_period_version"),
        ),
    )
    op.create_table(
        "goal_templates",
        sa.Column("code", TEXT, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", TEXT, nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("made_by", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("code", "version", name=op.f("pk_goal_templates")),
    )
    op.create_table(
        "pay_agreements",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("person", TEXT, nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("terms", TEXT, nullable=False),
        sa.Column("entered_by", TEXT, nullable=False),
        sa.Column("approved_by", TEXT, nullable=False),
        sa.Column("approval", sa.Integer(), nullable=True),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_pay_agreements")),
    )
    with op.batch_alter_table("pay_agreements", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_pay_agreements_person_valid_from"),
            ["person", "valid_from"],
            unique=False,
        )

    op.create_table(
        "pay_diff_notes",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("pair", TEXT, nullable=False),
        sa.Column("made_for", TEXT, nullable=False),
        sa.Column("month", TEXT, nullable=False),
        sa.Column("person", TEXT, nullable=False),
        sa.Column("line", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("until", TEXT, nullable=False),
        sa.Column("noted_by", TEXT, nullable=False),
        sa.Column("noted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_pay_diff_notes")),
    )
    with op.batch_alter_table("pay_diff_notes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pay_diff_notes_pair"), ["pair"], unique=False)

    op.create_table(
        "pay_entries",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("person", TEXT, nullable=False),
        sa.Column("month", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("entered_by", TEXT, nullable=False),
        sa.Column("approved_by", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=True),
        sa.Column("approval", sa.Integer(), nullable=True),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_pay_entries_above_zero")),
        sa.CheckConstraint("entered_by <> approved_by", name=op.f("ck_pay_entries_four_eyes")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_pay_entries")),
        sa.UniqueConstraint("subject", name=op.f("uq_pay_entries_subject")),
    )
    with op.batch_alter_table("pay_entries", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_pay_entries_month_person"), ["month", "person"], unique=False
        )

    op.create_table(
        "performance_figures",
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("figure", TEXT, nullable=False),
        sa.Column("period", TEXT, nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.Column("of", TEXT, nullable=True),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("load", TEXT, nullable=False),
        sa.Column("place", TEXT, nullable=False),
        sa.Column("loaded_at", sa.BigInteger(), nullable=False),
        sa.Column("loaded_by", TEXT, nullable=False),
        sa.PrimaryKeyConstraint(
            "subject", "figure", "period", "revision", name=op.f("pk_performance_figures")
        ),
    )
    op.create_table(
        "piece_tallies",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("product", TEXT, nullable=False),
        sa.Column("process", TEXT, nullable=False),
        sa.Column("grade", TEXT, nullable=False),
        sa.Column("overtime", sa.Boolean(), nullable=False),
        sa.Column("slip", TEXT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("pieces", sa.BigInteger(), nullable=False),
        sa.Column("rework", sa.BigInteger(), nullable=False),
        sa.Column("own_rework", sa.BigInteger(), nullable=False),
        sa.Column("scrap", sa.BigInteger(), nullable=False),
        sa.Column("entered_by", TEXT, nullable=False),
        sa.Column("file", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("sheet_row", sa.Integer(), nullable=False),
        sa.Column("imported_by", TEXT, nullable=False),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_piece_tallies")),
        sa.UniqueConstraint(
            "day",
            "subject",
            "product",
            "process",
            "grade",
            "overtime",
            "slip",
            "version",
            name="uq_piece_tallies_version",
        ),
    )
    with op.batch_alter_table("piece_tallies", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_piece_tallies_day"), ["day"], unique=False)

    op.create_table(
        "ratings_360",
        sa.Column("person", TEXT, nullable=False),
        sa.Column("period", TEXT, nullable=False),
        sa.Column("rater", TEXT, nullable=False),
        sa.Column("relation", TEXT, nullable=False),
        sa.Column("invited_by", TEXT, nullable=False),
        sa.Column("invited_at", sa.BigInteger(), nullable=False),
        sa.Column("score", TEXT, nullable=True),
        sa.Column("note", TEXT, nullable=True),
        sa.Column("rated_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("rater <> person", name=op.f("ck_ratings_360_two_people")),
        sa.PrimaryKeyConstraint("person", "period", "rater", name=op.f("pk_ratings_360")),
    )
    op.create_table(
        "rounds_360",
        sa.Column("person", TEXT, nullable=False),
        sa.Column("period", TEXT, nullable=False),
        sa.Column("closed_by", TEXT, nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person", "period", name=op.f("pk_rounds_360")),
    )
    op.create_table(
        "score_results",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("person", TEXT, nullable=False),
        sa.Column("period", TEXT, nullable=False),
        sa.Column("period_from", sa.Date(), nullable=False),
        sa.Column("period_until", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("score", TEXT, nullable=False),
        sa.Column("scheme", TEXT, nullable=False),
        sa.Column("grade", TEXT, nullable=True),
        sa.Column("coefficient", TEXT, nullable=True),
        sa.Column("content", TEXT, nullable=False),
        sa.Column("locked_by", TEXT, nullable=False),
        sa.Column("locked_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.CheckConstraint("locked_by <> person", name=op.f("ck_score_results_not_by_the_rated")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_score_results")),
        sa.UniqueConstraint(
            "person", "period", "version", name=op.f("uq_score_results_person_period_version")
        ),
    )
    with op.batch_alter_table("score_results", schema=None) as batch_op:
        batch_op.create_index("ix_score_results_period_until", ["period_until"], unique=False)

    op.create_table(
        "score_rule_files",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.Column("author", TEXT, nullable=False),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_score_rule_files")),
    )
    op.create_table(
        "talk_bookings",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("person", TEXT, nullable=False),
        sa.Column("host", TEXT, nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("place", TEXT, nullable=False),
        sa.Column("booked_by", TEXT, nullable=False),
        sa.Column("booked_at", sa.BigInteger(), nullable=False),
        sa.Column("cancelled_by", TEXT, nullable=True),
        sa.Column("cancelled_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("host <> person", name=op.f("ck_talk_bookings_two_people")),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_talk_bookings_forward")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_talk_bookings")),
    )
    op.create_table(
        "talks",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("person", TEXT, nullable=False),
        sa.Column("host", TEXT, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.Column("entered_by", TEXT, nullable=False),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("host <> person", name=op.f("ck_talks_two_people")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_talks")),
    )
    with op.batch_alter_table("talks", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_talks_person_kind_day"), ["person", "kind", "day"], unique=False
        )

    op.create_table(
        "appeals",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("about", TEXT, nullable=False),
        sa.Column("person", TEXT, nullable=False),
        sa.Column("period", TEXT, nullable=False),
        sa.Column("result", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("asked_by", TEXT, nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("reviewed_by", TEXT, nullable=True),
        sa.Column("reviewed_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", TEXT, nullable=True),
        sa.Column("answer", TEXT, nullable=True),
        sa.Column(
            "new_result", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.CheckConstraint("reviewed_by <> asked_by", name=op.f("ck_appeals_four_eyes")),
        sa.ForeignKeyConstraint(
            ["new_result"],
            ["score_results.number"],
            name=op.f("fk_appeals_new_result_score_results"),
        ),
        sa.ForeignKeyConstraint(
            ["result"], ["score_results.number"], name=op.f("fk_appeals_result_score_results")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_appeals")),
    )
    op.create_table(
        "approval_names",
        sa.Column("approval", sa.Integer(), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("side", TEXT, nullable=False),
        sa.CheckConstraint("side IN ('proposer', 'approver')", name=op.f("ck_approval_names_side")),
        sa.ForeignKeyConstraint(
            ["approval"], ["approvals.number"], name=op.f("fk_approval_names_approval_approvals")
        ),
        sa.PrimaryKeyConstraint("approval", "name", name=op.f("pk_approval_names")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "approved_runs",
        sa.Column("month", TEXT, nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run"], ["pay_runs.number"], name=op.f("fk_approved_runs_run_pay_runs")
        ),
        sa.PrimaryKeyConstraint("month", name=op.f("pk_approved_runs")),
        sa.UniqueConstraint("run", name=op.f("uq_approved_runs_run")),
    )
    op.create_table(
        "assessment_reasons",
        sa.Column(
            "assessment", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("indicator", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("entered_by", TEXT, nullable=False),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["assessment"],
            ["assessments.number"],
            name=op.f("fk_assessment_reasons_assessment_assessments"),
        ),
        sa.PrimaryKeyConstraint("assessment", "indicator", name=op.f("pk_assessment_reasons")),
    )
    op.create_table(
        "assessment_sides",
        sa.Column(
            "assessment", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("side", TEXT, nullable=False),
        sa.Column("marks", TEXT, nullable=True),
        sa.Column("note", TEXT, nullable=False),
        sa.Column("entered_by", TEXT, nullable=False),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["assessment"],
            ["assessments.number"],
            name=op.f("fk_assessment_sides_assessment_assessments"),
        ),
        sa.PrimaryKeyConstraint("assessment", "side", name=op.f("pk_assessment_sides")),
    )
    op.create_table(
        "assessment_withdrawals",
        sa.Column(
            "assessment", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("withdrawn_by", TEXT, nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["assessment"],
            ["assessments.number"],
            name=op.f("fk_assessment_withdrawals_assessment_assessments"),
        ),
        sa.PrimaryKeyConstraint("assessment", name=op.f("pk_assessment_withdrawals")),
    )
    op.create_table(
        "consequences",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("once", TEXT, nullable=False),
        sa.Column("person", TEXT, nullable=False),
        sa.Column("period", TEXT, nullable=False),
        sa.Column("result", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("detail", TEXT, nullable=False),
        sa.Column("approval", sa.Integer(), nullable=True),
        sa.Column("made_by", TEXT, nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["result"], ["score_results.number"], name=op.f("fk_consequences_result_score_results")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_consequences")),
        sa.UniqueConstraint("once", name=op.f("uq_consequences_once")),
    )
    with op.batch_alter_table("consequences", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_consequences_period"), ["period"], unique=False)

    op.create_table(
        "court_orders",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("person", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("court", TEXT, nullable=False),
        sa.Column("reference", TEXT, nullable=False),
        sa.Column("received", sa.Date(), nullable=False),
        sa.Column("first_month", TEXT, nullable=False),
        sa.Column("total_fen", sa.BigInteger(), nullable=True),
        sa.Column("instalment_fen", sa.BigInteger(), nullable=True),
        sa.Column("net_percent", sa.Integer(), nullable=True),
        sa.Column("protected_fen", sa.BigInteger(), nullable=True),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column("approval", sa.Integer(), nullable=False),
        sa.Column("entered_by", TEXT, nullable=False),
        sa.Column("approved_by", TEXT, nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("entered_by <> approved_by", name=op.f("ck_court_orders_four_eyes")),
        sa.CheckConstraint(
            "total_fen IS NOT NULL OR instalment_fen IS NOT NULL OR net_percent IS NOT NULL",
            name=op.f("ck_court_orders_says_how_much"),
        ),
        sa.ForeignKeyConstraint(
            ["approval"], ["approvals.number"], name=op.f("fk_court_orders_approval_approvals")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_court_orders")),
        sa.UniqueConstraint(
            "court", "reference", "person", name=op.f("uq_court_orders_court_reference_person")
        ),
    )
    with op.batch_alter_table("court_orders", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_court_orders_person"), ["person"], unique=False)

    op.create_table(
        "goal_steps",
        sa.Column("goal_set", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("act", TEXT, nullable=False),
        sa.Column("role", TEXT, nullable=False),
        sa.Column("person", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("before", TEXT, nullable=False),
        sa.Column("after", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("wanted", TEXT, nullable=True),
        sa.Column("note", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["goal_set"], ["goal_sets.number"], name=op.f("fk_goal_steps_goal_set_goal_sets")
        ),
        sa.PrimaryKeyConstraint("goal_set", "step", name=op.f("pk_goal_steps")),
    )
    with op.batch_alter_table("goal_steps", schema=None) as batch_op:
        batch_op.create_index(
            "uq_goal_steps_signature",
            ["goal_set", "person"],
            unique=True,
            sqlite_where=sa.text("act = 'sign'"),
            postgresql_where=sa.text("act = 'sign'"),
        )

    op.create_table(
        "opening_balances",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("person", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("balance", TEXT, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("approval", sa.Integer(), nullable=False),
        sa.Column("entered_by", TEXT, nullable=False),
        sa.Column("approved_by", TEXT, nullable=False),
        sa.Column("approved_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("entered_by <> approved_by", name=op.f("ck_opening_balances_four_eyes")),
        sa.ForeignKeyConstraint(
            ["approval"], ["approvals.number"], name=op.f("fk_opening_balances_approval_approvals")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_opening_balances")),
        sa.UniqueConstraint(
            "person",
            "kind",
            "key",
            "version",
            name=op.f("uq_opening_balances_person_kind_key_version"),
        ),
    )
    with op.batch_alter_table("opening_balances", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_opening_balances_kind_person"), ["kind", "person"], unique=False
        )

    op.create_table(
        "pay_reversals",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("month", TEXT, nullable=False),
        sa.Column("person", TEXT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("before_fen", sa.BigInteger(), nullable=False),
        sa.Column("after_fen", sa.BigInteger(), nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("approval", sa.Integer(), nullable=False),
        sa.Column("entered_by", TEXT, nullable=False),
        sa.Column("approved_by", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("entered_by <> approved_by", name=op.f("ck_pay_reversals_four_eyes")),
        sa.ForeignKeyConstraint(
            ["approval"], ["approvals.number"], name=op.f("fk_pay_reversals_approval_approvals")
        ),
        sa.ForeignKeyConstraint(
            ["run"], ["pay_runs.number"], name=op.f("fk_pay_reversals_run_pay_runs")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_pay_reversals")),
        sa.UniqueConstraint(
            "run", "person", "version", name=op.f("uq_pay_reversals_run_person_version")
        ),
    )
    with op.batch_alter_table("pay_reversals", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_pay_reversals_month_person"), ["month", "person"], unique=False
        )

    op.create_table(
        "pay_run_steps",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("step", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", TEXT, nullable=False),
        sa.Column("approval", sa.Integer(), nullable=True),
        sa.Column("reason", TEXT, nullable=False),
        sa.CheckConstraint(
            "step IN ('submitted', 'approved', 'paid', 'reversed')",
            name=op.f("ck_pay_run_steps_step"),
        ),
        sa.ForeignKeyConstraint(
            ["run"], ["pay_runs.number"], name=op.f("fk_pay_run_steps_run_pay_runs")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_pay_run_steps")),
    )
    with op.batch_alter_table("pay_run_steps", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_pay_run_steps_run_number"), ["run", "number"], unique=False
        )

    op.create_table(
        "score_feedback",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("result", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.Column("entered_by", TEXT, nullable=False),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["result"],
            ["score_results.number"],
            name=op.f("fk_score_feedback_result_score_results"),
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_score_feedback")),
    )
    with op.batch_alter_table("score_feedback", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_score_feedback_result"), ["result"], unique=False)

    op.create_table(
        "appeal_barred",
        sa.Column("appeal", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["appeal"], ["appeals.number"], name=op.f("fk_appeal_barred_appeal_appeals")
        ),
        sa.PrimaryKeyConstraint("appeal", "name", name=op.f("pk_appeal_barred")),
    )
    op.create_table(
        "consequence_ends",
        sa.Column(
            "consequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("note", TEXT, nullable=False),
        sa.Column("ended_by", TEXT, nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["consequence"],
            ["consequences.number"],
            name=op.f("fk_consequence_ends_consequence_consequences"),
        ),
        sa.PrimaryKeyConstraint("consequence", name=op.f("pk_consequence_ends")),
    )
    op.create_table(
        "court_order_ends",
        sa.Column("order", sa.Integer(), nullable=False),
        sa.Column("last_month", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("approval", sa.Integer(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["approval"], ["approvals.number"], name=op.f("fk_court_order_ends_approval_approvals")
        ),
        sa.ForeignKeyConstraint(
            ["order"], ["court_orders.number"], name=op.f("fk_court_order_ends_order_court_orders")
        ),
        sa.PrimaryKeyConstraint("order", name=op.f("pk_court_order_ends")),
    )
    op.create_table(
        "pay_reversal_lines",
        sa.Column("reversal", sa.Integer(), nullable=False),
        sa.Column("slip", TEXT, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("code", TEXT, nullable=False),
        sa.Column("label", TEXT, nullable=False),
        sa.Column("label_zh", TEXT, nullable=False),
        sa.Column("side", TEXT, nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("note", TEXT, nullable=False),
        sa.Column("trace", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("slip IN ('reversed', 'new')", name=op.f("ck_pay_reversal_lines_slip")),
        sa.ForeignKeyConstraint(
            ["reversal"],
            ["pay_reversals.number"],
            name=op.f("fk_pay_reversal_lines_reversal_pay_reversals"),
        ),
        sa.PrimaryKeyConstraint("reversal", "slip", "position", name=op.f("pk_pay_reversal_lines")),
    )
    op.create_table(
        "plan_goals",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column(
            "consequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("text", TEXT, nullable=False),
        sa.Column("due", sa.Date(), nullable=False),
        sa.Column("entered_by", TEXT, nullable=False),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["consequence"],
            ["consequences.number"],
            name=op.f("fk_plan_goals_consequence_consequences"),
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_plan_goals")),
    )
    with op.batch_alter_table("plan_goals", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_plan_goals_consequence"), ["consequence"], unique=False
        )

    op.create_table(
        "slip_answers",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("person", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("line", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", TEXT, nullable=False),
        sa.Column("verdict", TEXT, nullable=True),
        sa.Column("reply", TEXT, nullable=True),
        sa.Column("replied_at", sa.BigInteger(), nullable=True),
        sa.Column("replied_by", TEXT, nullable=True),
        sa.CheckConstraint(
            'replied_by IS NULL OR replied_by <> "by"', name=op.f("ck_slip_answers_another_replies")
        ),
        sa.ForeignKeyConstraint(
            ["run", "person"],
            ["pay_slips.run", "pay_slips.number"],
            name=op.f("fk_slip_answers_run_person_pay_slips"),
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_slip_answers")),
    )
    with op.batch_alter_table("slip_answers", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_slip_answers_run_person"), ["run", "person"], unique=False
        )

    with op.batch_alter_table("pay_lines", schema=None) as batch_op:
        batch_op.add_column(sa.Column("side", TEXT, server_default="earned", nullable=False))

    with op.batch_alter_table("pay_runs", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("inputs_digest", TEXT, server_default="unknown", nullable=False)
        )
