"""`hr-core events`: the ids of everything the store holds, for completeness checks by others."""

from typing import Annotated, Literal

import typer

from hr_core.cli.options import DbOption, reading


def events(
    context: typer.Context,
    kind: Annotated[
        Literal["punch", "count", "device_event"] | None,
        typer.Option("--kind", help="Only these."),
    ] = None,
    *,
    db: DbOption = None,
) -> None:
    """Print the id of every stored event, one a line, in the order of the devices' times."""
    from hr_core.store.events import event_ids

    with reading(context, db) as conn:
        for event_id in event_ids(conn, kind):
            print(event_id.hex())
