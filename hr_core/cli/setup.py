"""`hr-core init`, `import`, `serve`: set the core up and run it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.gateways import CoreKeyOption, core_key_of, operator
from hr_core.cli.options import (
    DbOption,
    JsonOption,
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
    db: DbOption = None,
    core_key: CoreKeyOption = None,
) -> None:
    """Create the core's database and key, or what an existing one lacks."""
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


def import_file(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="People file (TOML).", show_default=False)],
    *,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Load people, shifts, lines and the pay scheme from a file; the same file twice is harmless."""
    from hr_core.imports import import_people

    with writing(context, db) as conn:
        done = import_people(conn, file)
    if as_json:
        print_json(done)
        return
    print(
        f"{done.file}: people {done.people_added} added, {done.people_changed} changed, "
        f"{done.people_unchanged} unchanged; {done.shifts} shifts, {done.device_users} device "
        f"users, {done.stations} stations; pay scheme {done.scheme or 'not chosen'}"
    )


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
    import time

    from hr_core.api.app import create_app
    from hr_core.api.enrolments import EnrolmentDesk
    from hr_core.api.gateway_api import GatewayApi
    from hr_core.api.server import serve as serve_app
    from hr_core.clock import SystemClock
    from hr_core.web.routes import page_routes

    def ready(bound_host: str, bound_port: int) -> None:
        print(f"listening {bound_host}:{bound_port}", flush=True)

    with served_core(context, db) as engine:
        clock = SystemClock()
        key = core_key_of(engine, core_key)
        desk = EnrolmentDesk(engine, key, now=clock.now, monotonic=time.monotonic)
        # The pages have no login yet: never beside a proxy that other machines reach.
        pages = [] if allow_remote else page_routes(engine, clock)
        gateways = GatewayApi.over(engine, now=clock.now, core_key=key)
        routes = [*desk.routes(), *pages]
        app = create_app(engine, clock=clock, core_key=key, extra_routes=routes, gateways=gateways)

        async def run() -> None:
            async with (
                _hearing(mqtt, mqtt_password_file, gateways),
                _alerting(engine, alert_channels, clock),
            ):
                await serve_app(app, host, port, ready, allow_remote=allow_remote)

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


def _hearing(
    url: str | None, password_file: Path | None, gateways: GatewayApi
) -> contextlib.AbstractAsyncContextManager[object]:
    """Raises CoreError when the broker's address or the password file cannot be used."""
    if url is None:
        return contextlib.nullcontext()
    from hr_core.api.broker import open_broker
    from hr_core.api.mqtt import MqttConsumer

    return MqttConsumer(open_broker(url, password_file), gateways)
