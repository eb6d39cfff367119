"""Gateways join, renew their key and are shut out. Every decision is one transaction and one line
in the log of gateways.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

import sqlalchemy as sa
from msgspec import Struct

from hr_core.errors import CoreError, NotFoundError
from hr_core.store.database import writing
from hr_core.store.enrolment_tokens import (
    IssuedToken,
    add_token,
    find_token,
    use_token,
    void_tokens,
)
from hr_core.store.gateway_keys import (
    GatewayKey,
    keys_of,
    owners_of_key,
    refuse_keys,
    register_key,
)
from hr_core.store.gateway_log import GatewayAct, note_act
from hr_core.store.gateways import set_site, site_of
from protocols.enrolment import (
    EnrolmentAnswer,
    EnrolmentRequest,
    KeyQuery,
    KeyReport,
    KeyStatus,
    RotationAnswer,
    RotationRequest,
)
from protocols.enrolment_token import EnrolmentToken, encode_token, is_gateway_name, token_digest

DEFAULT_SITE = "main"
# After a rotation the old key still signs for so long: batches in flight, and an agent that is
# restarted only at the week-end. A stolen key is not rotated but revoked.
ROTATION_OVERLAP = timedelta(days=7)
_ROTATED = "rotated"


class TokenOrder(Struct, frozen=True, kw_only=True):
    """What an operator asks for. `site` None: as before, else DEFAULT_SITE."""

    gateway: str
    site: str | None = None
    valid_for: timedelta = timedelta(minutes=15)
    url: str | None = None
    again: bool = False


class EnrolmentRefusedError(CoreError):
    """A gateway's request is refused; `code` is the stable word that it is told."""

    def __init__(self, what: str, *, code: str, remedy: str) -> None:
        super().__init__(f"{what}. {remedy}", remedy=remedy)
        self.what = what
        self.code = code


def issue_token(
    engine: sa.Engine,
    order: TokenOrder,
    *,
    core_public: bytes,
    now: datetime,
    secret: bytes,
    source: str,
) -> tuple[str, datetime]:
    """A token and when it ends. `secret` comes from secrets.token_bytes(SECRET_BYTES).

    Raises CoreError for a gateway that is enrolled already unless the order says `again`, and for a
    name or an address that no token can carry.
    """
    if not is_gateway_name(order.gateway):
        raise NotFoundError(
            f"{order.gateway!r} cannot be a gateway's name",
            remedy="use letters, digits, - _ and ., at most 64 bytes",
        )
    expires_at = now + order.valid_for
    token = EnrolmentToken(
        secret=secret,
        gateway=order.gateway,
        core_public=core_public,
        expires_at=int(expires_at.timestamp()),
        url=order.url,
    )
    try:
        text = encode_token(token)
    except ValueError as exc:
        raise NotFoundError(
            "--url is too long for a token", remedy="leave it out; the site file names the core"
        ) from exc
    with writing(engine) as conn:
        _check_order(conn, order, now)
        add_token(
            conn,
            IssuedToken(
                digest=token_digest(token.key().public),
                gateway=order.gateway,
                site=order.site or site_of(conn, order.gateway) or DEFAULT_SITE,
                issued_at=now,
                expires_at=expires_at,
                again=order.again,
            ),
        )
        note_act(
            conn,
            GatewayAct(
                at=now,
                act="token_issued",
                gateway=order.gateway,
                source=source,
                detail=f"until {expires_at:%Y-%m-%dT%H:%M:%SZ}{' again' * order.again}",
            ),
        )
    return text, expires_at


def _check_order(conn: sa.Connection, order: TokenOrder, now: datetime) -> None:
    known = keys_of(conn, order.gateway)
    if known and not order.again:
        since = max(key.valid_from for key in known)
        state = "is enrolled" if any(key.in_force(now) for key in known) else "was enrolled"
        raise CoreError(
            f"gateway {order.gateway} {state} already (since {since:%Y-%m-%d %H:%M} UTC)",
            remedy=f"for a new machine or a lost key: hr-core token {order.gateway} --again; its "
            "old key is refused as soon as the new one is enrolled. For a further gateway choose "
            "another name",
        )
    if order.again and not known:
        raise NotFoundError(
            f"no gateway {order.gateway} has ever enrolled here",
            remedy="check the name (hr-core gateways), or leave --again out",
        )


def enrol(
    engine: sa.Engine, request: EnrolmentRequest, *, now: datetime, source: str
) -> EnrolmentAnswer:
    """Lets a gateway join; `request` has proven both of its keys. The answer is not signed yet.

    The same request again, after a lost answer, gets the same answer. Raises
    EnrolmentRefusedError, StorageError.
    """
    with writing(engine) as conn:
        token = find_token(conn, token_digest(request.token_public))
        outcome = _caught(lambda: _judge(conn, token, request, now))
        if isinstance(outcome, EnrolmentAnswer) and token is not None and token.used_at is None:
            _admit(conn, token, request.public_key, now)
        _note(conn, "enrolled", outcome, request.gateway, request.public_key, now, source)
    if isinstance(outcome, EnrolmentRefusedError):
        raise outcome
    return outcome


def _judge(
    conn: sa.Connection, token: IssuedToken | None, request: EnrolmentRequest, now: datetime
) -> EnrolmentAnswer:
    if token is None:
        raise EnrolmentRefusedError(
            "this core knows no such token",
            code="token_unknown",
            remedy="Check the address of the core, and have a new token issued there",
        )
    if token.gateway != request.gateway:
        raise EnrolmentRefusedError(
            f"the token was issued to gateway {token.gateway}, not to {request.gateway}",
            code="token_other_gateway",
            remedy=f"hr-core token {request.gateway} makes one for this gateway",
        )
    remedy = f"On the core: hr-core token {token.gateway}"
    owners = owners_of_key(conn, request.public_key)
    if token.used_by == request.public_key:
        return _repeated(token, owners, now)
    if token.used_at is not None:
        raise EnrolmentRefusedError(
            f"the token was used already, on {token.used_at:%Y-%m-%d at %H:%M} UTC, by another key",
            code="token_used",
            remedy=f"{remedy} --again. If nobody of you used it, somebody else did: "
            f"hr-core gateway revoke {token.gateway}",
        )
    if token.void_from is not None:
        raise EnrolmentRefusedError(
            "a later token took the place of this one",
            code="token_replaced",
            remedy=f"Use the last one that was issued, or on the core: hr-core token {token.gateway}",
        )
    if now >= token.expires_at:
        raise EnrolmentRefusedError(
            f"the token ended at {token.expires_at:%H:%M} UTC, it is {now:%H:%M} at the core",
            code="token_expired",
            remedy=remedy,
        )
    if owners:
        raise EnrolmentRefusedError(
            "this key is enrolled already",
            code="key_taken",
            remedy="Every gateway makes a key of its own: edge-agent enroll --force TOKEN",
        )
    return EnrolmentAnswer(
        gateway=token.gateway, site=token.site, public_key=request.public_key, valid_from=now
    )


def _repeated(token: IssuedToken, owners: list[GatewayKey], now: datetime) -> EnrolmentAnswer:
    key = next((key for key in owners if key.gateway == token.gateway), None)
    if key is None or not key.in_force(now):
        raise _revoked(token.gateway)
    return EnrolmentAnswer(
        gateway=token.gateway,
        site=token.site,
        public_key=key.public_key,
        valid_from=key.valid_from,
    )


def _revoked(gateway: str) -> EnrolmentRefusedError:
    return EnrolmentRefusedError(
        "this key is no longer accepted",
        code="key_revoked",
        remedy=f"On the core: hr-core token {gateway} --again, then edge-agent enroll --force here",
    )


def _admit(conn: sa.Connection, token: IssuedToken, public_key: bytes, now: datetime) -> None:
    refuse_keys(conn, token.gateway, refused_from=now, reason="enrolled again")
    register_key(conn, token.gateway, public_key, now)
    set_site(conn, token.gateway, token.site, now)
    use_token(conn, token.digest, public_key, now)


def rotate(
    engine: sa.Engine, request: RotationRequest, *, now: datetime, source: str
) -> RotationAnswer:
    """Puts a gateway's new key beside the old one, which is refused after ROTATION_OVERLAP.

    The same request again gets the same answer. Raises EnrolmentRefusedError, StorageError.
    """
    with writing(engine) as conn:
        known = {key.public_key for key in keys_of(conn, request.gateway)}
        outcome = _caught(lambda: _judge_rotation(conn, request, now))
        if isinstance(outcome, RotationAnswer) and request.new_public not in known:
            refuse_keys(
                conn,
                request.gateway,
                refused_from=outcome.old_refused_from,
                reason=_ROTATED,
                only=request.old_public,
            )
            register_key(conn, request.gateway, request.new_public, now)
        _note(conn, _ROTATED, outcome, request.gateway, request.new_public, now, source)
    if isinstance(outcome, EnrolmentRefusedError):
        raise outcome
    return outcome


def _judge_rotation(conn: sa.Connection, request: RotationRequest, now: datetime) -> RotationAnswer:
    keys = {key.public_key: key for key in keys_of(conn, request.gateway)}
    old, new = keys.get(request.old_public), keys.get(request.new_public)
    if old is None:
        raise EnrolmentRefusedError(
            "this core does not know the key that vouches for the new one",
            code="key_unknown",
            remedy=f"Check the address of the core; else on the core: hr-core token {request.gateway}",
        )
    if new is not None:  # repeated after a lost answer
        if not new.in_force(now):
            raise _revoked(request.gateway)
        return RotationAnswer(
            gateway=request.gateway,
            public_key=new.public_key,
            valid_from=new.valid_from,
            old_refused_from=old.refused_from or now,
        )
    # A key whose end was ordered for a later date must not outlive it under another form.
    if not old.in_force(now) or (old.refused_from is not None and old.reason != _ROTATED):
        raise _revoked(request.gateway)
    if old.refused_from is not None:
        raise EnrolmentRefusedError(
            "this key was replaced by another one already",
            code="key_rotated",
            remedy="If that was not you, somebody has a copy of this gateway: "
            f"hr-core gateway revoke {request.gateway}, then hr-core token {request.gateway} --again",
        )
    if owners_of_key(conn, request.new_public):
        raise EnrolmentRefusedError(
            "the new key is enrolled already",
            code="key_taken",
            remedy="Every gateway makes a key of its own: edge-agent enroll --rotate",
        )
    return RotationAnswer(
        gateway=request.gateway,
        public_key=request.new_public,
        valid_from=now,
        old_refused_from=now + ROTATION_OVERLAP,
    )


def report_key(conn: sa.Connection, query: KeyQuery, *, now: datetime) -> KeyReport:
    """Whether the key that asks may sign; not signed yet."""
    owned = [key for key in owners_of_key(conn, query.public_key) if key.gateway == query.gateway]
    if not owned:
        status = KeyStatus.UNKNOWN
    else:
        status = KeyStatus.IN_FORCE if owned[0].in_force(now) else KeyStatus.REVOKED
    return KeyReport(
        gateway=query.gateway,
        public_key=query.public_key,
        nonce=query.nonce,
        status=status,
        now=now,
        refused_from=owned[0].refused_from if owned else None,
    )


def revoke(
    engine: sa.Engine,
    gateway: str,
    *,
    refused_from: datetime,
    reason: str,
    now: datetime,
    source: str,
) -> int:
    """Batches that arrive from then on are refused; tokens that wait become void at once.

    How many keys that concerned. Raises NotFoundError for a name without any key.
    """
    with writing(engine) as conn:
        if not keys_of(conn, gateway):
            raise NotFoundError(
                f"no gateway {gateway} has ever enrolled here", remedy="list them: hr-core gateways"
            )
        changed = refuse_keys(conn, gateway, refused_from=refused_from, reason=reason)
        void_tokens(conn, gateway, now)
        note_act(
            conn,
            GatewayAct(
                at=now,
                act="revoked",
                gateway=gateway,
                source=source,
                detail=f"from {refused_from:%Y-%m-%dT%H:%M:%SZ}: {reason}",
            ),
        )
    return changed


_Outcome = TypeVar("_Outcome", EnrolmentAnswer, RotationAnswer)


def _caught(judge: Callable[[], _Outcome]) -> _Outcome | EnrolmentRefusedError:
    """A refusal as a value: raised inside the transaction, it would undo its own line in the log."""
    try:
        return judge()
    except EnrolmentRefusedError as refusal:
        return refusal


def _note(  # noqa: PLR0913 - the facts of one attempt
    conn: sa.Connection,
    act: str,
    outcome: EnrolmentAnswer | RotationAnswer | EnrolmentRefusedError,
    gateway: str,
    public_key: bytes,
    now: datetime,
    source: str,
) -> None:
    refused = isinstance(outcome, EnrolmentRefusedError)
    note_act(
        conn,
        GatewayAct(
            at=now,
            act="refused" if refused else act,
            gateway=gateway,
            source=source,
            public_key=public_key,
            detail=outcome.code if isinstance(outcome, EnrolmentRefusedError) else "",
        ),
    )
