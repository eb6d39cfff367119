"""`hr-core token`, `gateways`, `gateway revoke`: who may deliver, and with which key."""

from __future__ import annotations

import getpass
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.options import (
    DbOption,
    ExitCode,
    JsonOption,
    core,
    print_json,
    reading,
)

if TYPE_CHECKING:
    import sqlalchemy as sa

    from hr_core.store.gateway_keys import GatewayKey
    from hr_core.store.gateway_log import GatewayAct
    from protocols.signing import SigningKey

CoreKeyOption = Annotated[
    Path | None,
    typer.Option(
        "--core-key",
        help="The core's key file [default: CLOCKLINE_CORE_KEY, the systemd credential core-key, "
        "or DATABASE.key].",
        show_default=False,
    ),
]

gateway = typer.Typer(help="Shut a gateway out.")


def token(  # noqa: PLR0913 - one option each
    context: typer.Context,
    gateway: Annotated[str, typer.Argument(help="The gateway's name.", show_default=False)],
    *,
    site: Annotated[
        str | None,
        typer.Option("--site", help="The site it stands on [default: as before, else main]."),
    ] = None,
    minutes: Annotated[
        int, typer.Option("--minutes", min=1, max=24 * 60, help="How long it may be used.")
    ] = 15,
    url: Annotated[
        str | None, typer.Option("--url", help="Address of this core for gateways, https://…")
    ] = None,
    again: Annotated[
        bool,
        typer.Option(
            "--again", help="The gateway is enrolled already: let it come with a new key."
        ),
    ] = False,
    db: DbOption = None,
    core_key: CoreKeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a one-time token with which one gateway joins; an earlier unused one becomes void."""
    import secrets

    from hr_core.clock import SystemClock
    from hr_core.enrolment import TokenOrder, issue_token
    from hr_core.store.core_identity import core_public_key
    from protocols.enrolment_token import SECRET_BYTES
    from protocols.key_text import fingerprint

    now = SystemClock().now()
    order = TokenOrder(
        gateway=gateway, site=site, valid_for=timedelta(minutes=minutes), url=url, again=again
    )
    with core(context, db) as engine:
        with engine.connect() as conn:
            public = core_public_key(conn)
        if public is None:
            public = core_key_of(engine, core_key).public
        text, expires_at = issue_token(
            engine,
            order,
            core_public=public,
            now=now,
            secret=secrets.token_bytes(SECRET_BYTES),
            source=operator(),
        )
    if as_json:
        print_json(
            {
                "token": text,
                "gateway": gateway,
                "expires_at": expires_at,
                "core_key": fingerprint(public),
            }
        )
        return
    print(text)
    print(
        f"Once, for gateway {gateway}, within {minutes} minutes. There: edge-agent enroll -",
        file=sys.stderr,
    )


def gateways(
    context: typer.Context,
    *,
    log: Annotated[
        bool, typer.Option("--log", help="What happened to tokens and keys, oldest first.")
    ] = False,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Show every gateway: site, keys, last batch, what was refused. Exit 1 when one has no key."""
    from hr_core.clock import SystemClock
    from hr_core.store.gateway_log import acts
    from hr_core.store.gateways import all_gateways

    now = SystemClock().now()
    with reading(context, db) as conn:
        if log:
            _print_log(acts(conn), as_json=as_json)
            return ExitCode.OK
        found = all_gateways(conn)
    if as_json:
        print_json(
            {
                "gateways": [
                    {
                        "gateway": one.gateway,
                        "site": one.site,
                        "keys": [_key_fields(key, now) for key in one.keys],
                        "last_batch": one.last_batch,
                        "last_batch_at": one.last_batch_at,
                        "refused": {of.code: of.total for of in one.refused},
                    }
                    for one in found
                ]
            }
        )
    for one in [] if as_json else found:
        last = (
            f"last batch {one.last_batch} at {one.last_batch_at:%Y-%m-%d %H:%M} UTC"
            if one.last_batch_at
            else "no batch yet"
        )
        print(f"{one.gateway}  site {one.site}  {last}")
        for key in one.keys:
            print(f"  {_key_line(key, now)}")
        for of in one.refused:
            print(f"  refused {of.total} times, last {of.last_at:%Y-%m-%d %H:%M}: {of.code}")
    if not (found or as_json):
        print("No gateway has joined yet: hr-core token GATEWAY, then edge-agent enroll there")
    shut_out = [one for one in found if not any(key.in_force(now) for key in one.keys)]
    return ExitCode.DEGRADED if shut_out else ExitCode.OK


@gateway.callback()
def _gateway() -> None:
    """Shut a gateway out."""


@gateway.command("revoke")
def revoke(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The gateway's name.", show_default=False)],
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the log.")],
    refused_from: Annotated[
        str | None,
        typer.Option(
            "--from", help="Date or time (UTC) of the first refused batch [default: now]."
        ),
    ] = None,
    db: DbOption = None,
) -> None:
    """Refuse a gateway's batches from a date on. It keeps its records and is told so."""
    from hr_core.clock import SystemClock
    from hr_core.enrolment import revoke as revoke_keys

    now = SystemClock().now()
    since = now if refused_from is None else _instant(refused_from)
    with core(context, db) as engine:
        changed = revoke_keys(
            engine, name, refused_from=since, reason=reason, now=now, source=operator()
        )
    print(
        f"{name}: {changed} key{'s' * (changed != 1)} refused from {since:%Y-%m-%d %H:%M} UTC"
        if changed
        else f"{name}: every key was refused before that already"
    )


def core_key_of(engine: sa.Engine, chosen: Path | None) -> SigningKey:
    """The core's key, made when this core is new. Raises CoreKeyError."""
    import secrets

    from hr_core.clock import SystemClock
    from hr_core.core_key import core_key_file, open_core_key
    from protocols.signing import SEED_BYTES

    return open_core_key(
        engine,
        core_key_file(engine.url, chosen),
        now=SystemClock().now(),
        entropy=lambda: secrets.token_bytes(SEED_BYTES),
    )


def operator() -> str:
    """Whose account gives the order, for the log."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # an account without a name
        return f"uid {os.getuid()}"


def _instant(text: str) -> datetime:
    """Raises a usage error."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise typer.BadParameter(
            f"{text!r} is not like 2026-11-30 or 2026-11-30T18:00", param_hint="--from"
        ) from exc
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _key_fields(key: GatewayKey, now: datetime) -> dict[str, object]:
    return {
        "public_key": key.public_key.hex(),
        "valid_from": key.valid_from,
        "refused_from": key.refused_from,
        "reason": key.reason,
        "in_force": key.in_force(now),
    }


def _key_line(key: GatewayKey, now: datetime) -> str:
    from protocols.key_text import fingerprint

    end = ""
    if key.refused_from is not None:
        word = "good until" if key.in_force(now) else "REFUSED since"
        end = f", {word} {key.refused_from:%Y-%m-%d %H:%M} ({key.reason})"
    return f"key {fingerprint(key.public_key)}  since {key.valid_from:%Y-%m-%d %H:%M}{end}"


def _print_log(found: list[GatewayAct], *, as_json: bool) -> None:
    if as_json:
        print_json({"log": [_fields(act) for act in found]})
        return
    for act in found:
        print(
            f"{act.at:%Y-%m-%d %H:%M:%S}  {act.act}  {act.gateway}  by {act.source}  {act.detail}"
        )


def _fields(act: GatewayAct) -> dict[str, object]:
    fields = {name: getattr(act, name) for name in act.__struct_fields__}
    return fields | {"public_key": act.public_key.hex() if act.public_key else None}
