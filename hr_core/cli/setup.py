"""`hr-core init`, `import`, `serve`: set the core up and run it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.accounts import PasswordFileOption, make_first_admin
from hr_core.cli.attendance_work import progress
from hr_core.cli.gateways import CoreKeyOption, core_key_of, operator
from hr_core.cli.options import (
    ByOption,
    DbOption,
    ExitCode,
    JsonOption,
    core,
    migrate_older,
    migrated_core,
    new_engine,
    print_json,
    served_core,
    writing,
)

if TYPE_CHECKING:
    import sqlalchemy as sa

    from hr_core.api.gateway_api import GatewayApi
    from hr_core.clock import SystemClock
    from protocols.signing import SigningKey


def init(
    context: typer.Context,
    *,
    new_core_key: Annotated[
        bool,
        typer.Option(
            "--new-core-key", help="The key is lost or stolen: every gateway must re-enrol."
        ),
    ] = False,
    admin: Annotated[
        str | None,
        typer.Option("--admin", help="Login name of the first administrator.", show_default=False),
    ] = None,
    password_file: PasswordFileOption = None,
    db: DbOption = None,
    core_key: CoreKeyOption = None,
) -> None:
    """Create the core's database and key, or what an existing one lacks.

    --admin makes the first account: with a password from a file, else asked for on a terminal, else
    a one-time set-up code is printed. There is no default password.
    """
    from hr_core.core_key import core_key_file
    from hr_core.store.database import describe, initialise
    from hr_core.store.log_mover import visiting
    from protocols.key_text import fingerprint

    engine = new_engine(context, db)
    core_key_file(engine.url, core_key)  # who forgot to name it has no half-made core
    _create_private(engine)
    with visiting(engine):
        migrate_older(engine)
        initialise(engine)
        key = (_renewed_key if new_core_key else core_key_of)(engine, core_key)
        print(f"{describe(engine)} is ready, core key {fingerprint(key.public)}")
        make_first_admin(engine, admin, password_file)


def migrate(context: typer.Context, *, db: DbOption = None) -> None:
    """Bring the database of an older release to this one's schema; there is no way back but a backup."""
    from hr_core.store.database import SCHEMA_VERSION, describe

    with migrated_core(context, db) as engine:
        print(f"{describe(engine)} has schema {SCHEMA_VERSION}")


def _create_private(engine: sa.Engine) -> None:
    """Everybody's punches are in it: SQLite gives its other files the mode of this one."""
    from hr_core.store.database import database_file

    file = database_file(engine)
    if file is not None:
        with contextlib.suppress(OSError):  # whoever opens it says what is wrong
            file.touch(mode=0o600)


def _renewed_key(engine: sa.Engine, chosen: Path | None) -> SigningKey:
    import secrets

    from hr_core.clock import SystemClock
    from hr_core.core_key import core_key_file, renew_core_key
    from protocols.signing import SEED_BYTES

    return renew_core_key(
        engine,
        core_key_file(engine.url, chosen),
        now=SystemClock().now(),
        entropy=lambda: secrets.token_bytes(SEED_BYTES),
        source=operator(),
    )


def import_file(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            help="People (TOML, CSV, xlsx), or with --device a terminal's export (N_attlog.dat).",
            show_default=False,
        ),
    ],
    *,
    device: Annotated[
        str | None,
        typer.Option("--device", help="Serial of the terminal that wrote the export."),
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option(
            "--zone", help="Of that terminal's clock [default: of the site where it stands]."
        ),
    ] = None,
    whole_log: Annotated[
        bool,
        typer.Option(
            "--whole-log",
            help="The export is all that it held: until its last row none is missing.",
        ),
    ] = False,
    drop_ids: Annotated[
        bool,
        typer.Option(
            "--drop-ids", help="Take away ids and badges that the file names their person without."
        ),
    ] = False,
    by: ByOption = None,
    db: DbOption = None,
    core_key: CoreKeyOption = None,
    as_json: JsonOption = False,
) -> int:
    """Load people, shifts, lines and the pay scheme, or the punches of a terminal's export.

    The same file twice is harmless.
    """
    if drop_ids and device is not None:
        raise typer.BadParameter("is of a people file, not of an export", param_hint="--drop-ids")
    if device is not None:
        return _import_punches(context, db, core_key, (file, device, zone), whole_log, as_json)
    if zone is not None or whole_log:
        raise typer.BadParameter("is of an export: name its --device", param_hint="--zone")
    from hr_core.approvals.actors import actor_named
    from hr_core.clock import SystemClock
    from hr_core.imports import import_people
    from hr_core.people.changes import Signature

    who = by or operator()
    with writing(context, db) as conn:
        also = actor_named(conn, who).names
        sign = Signature(at=SystemClock().now(), by=who, also=also)
        done = import_people(conn, file, sign, drop_ids=drop_ids)
    if as_json:
        print_json(done)
        return ExitCode.OK
    print(
        f"{done.file}: people {done.people_added} added, {done.people_changed} changed, "
        f"{done.people_unchanged} unchanged; {done.shifts} shifts, {done.device_users} device "
        f"users, {done.stations} stations; pay scheme {done.scheme or 'not chosen'}"
    )
    for one in done.taken_away:
        print(f"  taken away: {one}")
    if done.scheme_approval is not None:
        print(
            "  its scheme file pays nobody until another person approves it: "
            f"hr-core approvals approve {done.scheme_approval} --by NAME"
        )
    return ExitCode.OK


def _import_punches(
    context: typer.Context,
    db: str | None,
    core_key: Path | None,
    source: tuple[Path, str, str | None],
    whole_log: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> int:
    import secrets

    from hr_core.clock import SystemClock
    from hr_core.ingest.punch_file import PunchFile, import_punch_file
    from hr_core.people.organisation_file import is_zone

    path, device, zone = source
    with core(context, db) as engine:
        if zone is None:
            with engine.connect() as conn:
                zone = _zone_of(conn, device)
        if zone is None:
            raise typer.BadParameter(
                "is not known: import people first, or give one", param_hint="--zone"
            )
        if not is_zone(zone):
            raise typer.BadParameter(
                f"no time zone is named {zone!r}; write one like Asia/Shanghai", param_hint="--zone"
            )
        with progress("rows taken in") as told:
            done = import_punch_file(
                engine,
                PunchFile(path=path, device=device, zone=zone, site="import", whole_log=whole_log),
                core_key_of(engine, core_key),
                now=SystemClock().now,
                entropy=secrets.token_bytes,
                told=told,
            )
    if as_json:
        print_json(done)
    else:
        print(
            f"{done.file}: {done.rows} rows of {done.device}: {done.accepted} new, "
            f"{done.duplicate} here before, {done.rejected} refused, {done.unreadable} unreadable"
        )
        for row in done.first_unreadable:
            print(f"  byte {row.offset}: {row.reason}")
        print("ids that nobody is yet: hr-core people waiting", file=sys.stderr)
    return ExitCode.DEGRADED if done.unreadable or done.rejected else ExitCode.OK


def _zone_of(conn: sa.Connection, device: str) -> str | None:
    """Raises a usage error when the device stood in several zones: its rows do not tell in which."""
    from hr_core.people.places import Places
    from hr_core.store.people import load_site_zone

    zones = sorted(Places.load(conn).zones_of_device(device))
    if len(zones) > 1:
        raise typer.BadParameter(
            f"{device} stood in {' and '.join(zones)}: split the file by its days and say the zone "
            "of each part",
            param_hint="--zone",
        )
    return zones[0] if zones else load_site_zone(conn)


def serve(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    *,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 picks one.")] = 8460,
    allow_remote: Annotated[
        bool,
        typer.Option("--allow-remote", help="Listen beyond this machine: a proxy ends TLS."),
    ] = False,
    mqtt: Annotated[
        str | None,
        typer.Option(
            "--mqtt",
            help="Hear gateways at this MQTT 5 broker too: mqtts://broker.example.com.",
            show_default=False,
        ),
    ] = None,
    mqtt_password_file: Annotated[
        Path | None,
        typer.Option("--mqtt-password-file", help="The core's password there, one line."),
    ] = None,
    alert_channels: Annotated[
        Path | None,
        typer.Option(
            "--alert-channels",
            help="Whom alerts are told: a file of [[channel]] (docs/alerts.md); else the log.",
            show_default=False,
        ),
    ] = None,
    db: DbOption = None,
    core_key: CoreKeyOption = None,
) -> None:
    """Serve the API to gateways and, on this machine, the pages; prints `listening HOST:PORT`."""
    import asyncio
    import secrets
    import time

    from hr_core.accounts.field_policy import mask_logs
    from hr_core.accounts.login import LoginDesk
    from hr_core.accounts.passwords import Passwords
    from hr_core.api.app import create_app
    from hr_core.api.enrolments import EnrolmentDesk
    from hr_core.api.gateway_api import GatewayApi
    from hr_core.api.server import serve as serve_app
    from hr_core.api.v1.app import api_routes
    from hr_core.clock import SystemClock
    from hr_core.web.admission import Admission
    from hr_core.web.routes import page_routes

    def ready(bound_host: str, bound_port: int) -> None:
        print(f"listening {bound_host}:{bound_port}", flush=True)

    mask_logs()
    with served_core(context, db) as engine:
        clock = SystemClock()
        key = core_key_of(engine, core_key)
        desk = EnrolmentDesk(engine, key, now=clock.now, monotonic=time.monotonic)
        admission = Admission(engine, clock, behind_proxy=allow_remote)
        login = LoginDesk(engine, Passwords(), now=clock.now, entropy=secrets.token_bytes)
        pages = page_routes(engine, clock, admission=admission, login=login)
        api = api_routes(engine, clock, admission=admission, monotonic=time.monotonic)
        gateways = GatewayApi.over(engine, now=clock.now, core_key=key)
        routes = [*desk.routes(), *api, *pages]
        app = create_app(engine, clock=clock, core_key=key, extra_routes=routes, gateways=gateways)

        async def run() -> None:
            async with (
                _hearing(mqtt, mqtt_password_file, gateways),
                _alerting(engine, alert_channels, clock),
                _computing_days(engine, clock),
            ):
                preparing = asyncio.create_task(asyncio.to_thread(login.prepare))
                try:
                    await serve_app(app, host, port, ready, allow_remote=allow_remote)
                finally:
                    await preparing

        asyncio.run(run())


@contextlib.asynccontextmanager
async def _alerting(
    engine: sa.Engine, file: Path | None, clock: SystemClock
) -> AsyncIterator[None]:
    """Raises and tells alerts meanwhile. Raises CoreError for channels that cannot be opened."""
    import asyncio

    from hr_core.notify.alert_watch import AlertWatch
    from hr_core.notify.channels import open_channel
    from hr_core.notify.delivery import Deliverer
    from hr_core.notify.settings import LOG_ONLY, read_channels

    settings = LOG_ONLY if file is None else read_channels(file)
    deliverer = Deliverer(engine, {one.name: open_channel(one) for one in settings}, clock.now)
    tasks = [
        asyncio.create_task(AlertWatch(engine, settings, clock).run(), name="alert watch"),
        asyncio.create_task(deliverer.run(), name="alert delivery"),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await deliverer.aclose()


@contextlib.asynccontextmanager
async def _computing_days(engine: sa.Engine, clock: SystemClock) -> AsyncIterator[None]:
    """Recomputes days meanwhile."""
    import asyncio
    import time

    from hr_core.attendance.live.day_watch import DayWatch
    from hr_core.attendance.live.recomputing import Recomputer

    recomputer = Recomputer(engine, now=clock.now, monotonic=time.monotonic)
    task = asyncio.create_task(DayWatch(recomputer).run(), name="day watch")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _hearing(
    url: str | None, password_file: Path | None, gateways: GatewayApi
) -> contextlib.AbstractAsyncContextManager[object]:
    """Raises CoreError when the broker's address or the password file cannot be used."""
    if url is None:
        return contextlib.nullcontext()
    from hr_core.api.broker import open_broker
    from hr_core.api.mqtt import MqttConsumer

    return MqttConsumer(open_broker(url, password_file), gateways)
