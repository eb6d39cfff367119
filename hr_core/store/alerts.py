"""Raised alerts and published figures: what was told to people stays as it was told."""

from collections.abc import Iterable

import msgspec
import sqlalchemy as sa

from hr_core.quality.alert_life import Alert
from hr_core.quality.windows import Figure
from hr_core.store.database import metadata

quality_alerts = sa.Table(
    "quality_alerts",
    metadata,
    sa.Column("identity", sa.Text, primary_key=True),
    sa.Column("line", sa.Text, nullable=False),
    sa.Column("raised_at", sa.BigInteger, nullable=False),  # UTC seconds, as the engine counts
    sa.Column("closed_at", sa.BigInteger),
    sa.Column("body", sa.LargeBinary, nullable=False),  # JSON of alert_life.Alert
)

quality_figures = sa.Table(
    "quality_figures",
    metadata,
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("window", sa.Text, primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),  # JSON of windows.Figure
)

_encode = msgspec.json.Encoder().encode
_decode_alert = msgspec.json.Decoder(Alert).decode
_decode_figure = msgspec.json.Decoder(Figure).decode


def save_alerts(conn: sa.Connection, alerts: Iterable[Alert]) -> None:
    """Adds or replaces by identity, in the caller's transaction."""
    for alert in alerts:
        conn.execute(sa.delete(quality_alerts).where(quality_alerts.c.identity == alert.identity))
        conn.execute(
            sa.insert(quality_alerts).values(
                identity=alert.identity,
                line=alert.subject.line,
                raised_at=alert.raised_at,
                closed_at=alert.closed_at,
                body=_encode(alert),
            )
        )


def stored_alerts(
    conn: sa.Connection, since: int | None = None, until: int | None = None
) -> list[Alert]:
    """Raised in the half-open span, in the order of raising; without one all that are open."""
    columns = quality_alerts.c
    query = sa.select(columns.body).order_by(columns.raised_at, columns.identity)
    if since is None or until is None:
        query = query.where(columns.closed_at.is_(None))
    else:
        query = query.where(columns.raised_at >= since, columns.raised_at < until)
    return [_decode_alert(body) for (body,) in conn.execute(query)]


def stored_alert(conn: sa.Connection, identity: str) -> Alert | None:
    one = sa.select(quality_alerts.c.body).where(quality_alerts.c.identity == identity)
    body = conn.execute(one).scalar()
    return None if body is None else _decode_alert(body)


def history(conn: sa.Connection, subject: str, window: str) -> tuple[Figure, ...]:
    """Every revision, the oldest first."""
    columns = quality_figures.c
    query = (
        sa.select(columns.body)
        .where(columns.subject == subject, columns.window == window)
        .order_by(columns.revision)
    )
    return tuple(_decode_figure(body) for (body,) in conn.execute(query))


def newest_revision(conn: sa.Connection, window: str) -> int | None:
    """The highest of all subjects; None when nothing was published of the window."""
    columns = quality_figures.c
    query = sa.select(sa.func.max(columns.revision)).where(columns.window == window)
    found: int | None = conn.execute(query).scalar()
    return found


def add_revisions(conn: sa.Connection, known: int, figures: Iterable[Figure]) -> None:
    """Adds those after the `known` first ones."""
    for figure in list(figures)[known:]:
        conn.execute(
            sa.insert(quality_figures).values(
                subject=figure.subject,
                window=figure.window,
                revision=figure.revision,
                body=_encode(figure),
            )
        )
