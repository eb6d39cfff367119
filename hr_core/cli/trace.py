"""`hr-core trace EVENT_ID`: one event with its bytes, its proof, and what was computed from it."""

from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.options import DbOption, ExitCode, JsonOption, print_json, reading

if TYPE_CHECKING:
    from hr_core.trace.event_trace import EventTrace


def trace(
    context: typer.Context,
    event_id: Annotated[
        str, typer.Argument(help="32 hex digits, or the first 8 or more.", show_default=False)
    ],
    *,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Show one stored event: its bytes, its place in the chain, the days and pay lines it is in.

    Exit 1 when something of it does not stand as its gateway signed it.
    """
    import msgspec

    from hr_core.trace.event_trace import trace_event
    from protocols.event_prefix import read_prefix

    try:
        prefix = read_prefix(event_id)
    except ValueError as exc:
        raise typer.BadParameter(str(exc), param_hint="EVENT_ID") from exc
    with reading(context, db) as conn:
        found = trace_event(conn, prefix)
    if as_json:
        facts = msgspec.to_builtins(found)
        proof = {"proof": facts["batch"], "used_by": facts["uses"], "pieces": facts["pieces"]}
        print_json({**facts["event"], **proof})
    else:
        _print(found)
    sound = found.batch is not None and not found.batch.faults
    return ExitCode.OK if sound else ExitCode.DEGRADED


def _print(found: "EventTrace") -> None:
    import msgspec

    from hr_core.money import format_fen

    for key, value in msgspec.to_builtins(found.event).items():
        print(f"{key:12} {value}")
    batch = found.batch
    if batch is None:
        print("proof        NONE: the batch that it names is not here")
    else:
        print(
            f"proof        record {batch.position + 1} of {batch.records} in batch {batch.number} "
            f"of {batch.last} from {batch.gateway}"
        )
        print(f"  batch hash {batch.batch_hash}\n  previous   {batch.previous}")
        print(f"  signed by  {batch.signed_by}, taken {batch.received_at}")
        for fault in batch.faults:
            print(f"  FAULT      {fault}")
        if not batch.faults:
            print("  signature, receipt, root and this record's digest stand as they were signed")
    for piece in found.pieces:
        print(
            f"piece        {piece.code}, badge {piece.badge or '(none was on)'}: scanned "
            f"{piece.scanned}, counted {piece.counted}"
        )
    for day in found.uses.days:
        print(f"day          run {day.run}: {day.number} {day.day}, {day.role}")
    for line in found.uses.lines:
        amount = format_fen(line.amount_fen)
        print(
            f"pay line     run {line.run}: {line.number} {line.line} {amount}, by its {line.role}"
        )
    if not (found.uses.days or found.uses.lines):
        print("used by      no stored pay run")
