"""`hr-core init`, `import`, `token`, `serve`: set the core up and run it."""

from pathlib import Path
from typing import Annotated

import typer

from hr_core.cli.options import DbOption, JsonOption, core, new_engine, print_json, writing


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


def token(
    context: typer.Context,
    gateway: Annotated[str, typer.Argument(help="The gateway's name.", show_default=False)],
    site: Annotated[str, typer.Option("--site", help="The site it stands on.")] = "main",
    db: DbOption = None,
) -> None:
    """Issue a gateway's access token and print it once; an earlier one stops working."""
    import secrets

    from hr_core.clock import SystemClock
    from hr_core.tokens import issue_token

    with core(context, db) as engine:
        now = SystemClock().now()
        print(issue_token(engine, gateway, site, now=now, entropy=secrets.token_bytes(32)))


def serve(
    context: typer.Context,
    *,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 picks one.")] = 8460,
    allow_remote: Annotated[
        bool,
        typer.Option("--allow-remote", help="Listen beyond this machine: a proxy ends TLS."),
    ] = False,
    db: DbOption = None,
) -> None:
    """Serve the API to gateways and, on this machine, the pages; prints `listening HOST:PORT`."""
    import asyncio

    from hr_core.api.app import create_app
    from hr_core.api.server import serve as serve_app
    from hr_core.clock import SystemClock
    from hr_core.store.database import initialise
    from hr_core.web.routes import page_routes

    def ready(bound_host: str, bound_port: int) -> None:
        print(f"listening {bound_host}:{bound_port}", flush=True)

    with core(context, db) as engine:
        initialise(engine)  # tables that came with an update
        clock = SystemClock()
        # The pages have no login yet: never beside a proxy that other machines reach.
        pages = [] if allow_remote else page_routes(engine, clock)
        app = create_app(engine, clock=clock, extra_routes=pages)
        asyncio.run(serve_app(app, host, port, ready, allow_remote=allow_remote))
