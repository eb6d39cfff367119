"""`hr-core init`, `import`, `gateway-key`, `serve`: set the core up and run it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.options import DbOption, JsonOption, core, new_engine, print_json, writing

if TYPE_CHECKING:
    from hr_core.api.gateway_api import GatewayApi


def init(context: typer.Context, db: DbOption = None) -> None:
    """Create the core's database, or the tables that an existing one lacks."""
    from hr_core.store.database import describe, initialise

    engine = new_engine(context, db)
    try:
        initialise(engine)
        print(f"{describe(engine)} is ready")
    finally:
        engine.dispose()


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


def gateway_key(
    context: typer.Context,
    gateway: Annotated[str, typer.Argument(help="The gateway's name.", show_default=False)],
    public: Annotated[str, typer.Argument(help="Its public key, 64 hex digits.")],
    db: DbOption = None,
) -> None:
    """Take up a gateway's public key by hand; prints the core's own, which the gateway pins."""
    import secrets

    from hr_core.clock import SystemClock
    from hr_core.core_key import core_key_file, open_core_key
    from hr_core.store.database import writing
    from hr_core.store.gateway_keys import register_key
    from protocols.signing import PUBLIC_KEY_BYTES, SEED_BYTES
    from protocols.uplink import hex_bytes

    key = hex_bytes(public, PUBLIC_KEY_BYTES, "the public key")
    with core(context, db) as engine:
        with writing(engine) as conn:
            register_key(conn, gateway, key, SystemClock().now())
        file = core_key_file(engine.url)
        own = open_core_key(file, entropy=lambda: secrets.token_bytes(SEED_BYTES))
        print(own.public.hex())


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
    db: DbOption = None,
) -> None:
    """Serve the API to gateways and, on this machine, the pages; prints `listening HOST:PORT`."""
    import asyncio
    import secrets

    from hr_core.api.app import create_app
    from hr_core.api.gateway_api import GatewayApi
    from hr_core.api.server import serve as serve_app
    from hr_core.clock import SystemClock
    from hr_core.core_key import core_key_file, open_core_key
    from hr_core.store.database import initialise
    from hr_core.web.routes import page_routes
    from protocols.signing import SEED_BYTES

    def ready(bound_host: str, bound_port: int) -> None:
        print(f"listening {bound_host}:{bound_port}", flush=True)

    with core(context, db) as engine:
        initialise(engine)  # tables that came with an update
        clock = SystemClock()
        # The pages have no login yet: never beside a proxy that other machines reach.
        pages = [] if allow_remote else page_routes(engine, clock)
        key = open_core_key(
            core_key_file(engine.url), entropy=lambda: secrets.token_bytes(SEED_BYTES)
        )
        gateways = GatewayApi.over(engine, now=clock.now, core_key=key)
        app = create_app(engine, clock=clock, core_key=key, extra_routes=pages, gateways=gateways)

        async def run() -> None:
            async with _hearing(mqtt, mqtt_password_file, gateways):
                await serve_app(app, host, port, ready, allow_remote=allow_remote)

        asyncio.run(run())


def _hearing(
    url: str | None, password_file: Path | None, gateways: GatewayApi
) -> AbstractAsyncContextManager[object]:
    """Raises CoreError when the broker's address or the password file cannot be used."""
    if url is None:
        return nullcontext()
    from hr_core.api.broker import open_broker
    from hr_core.api.mqtt import MqttConsumer

    return MqttConsumer(open_broker(url, password_file), gateways)
