"""`edge-agent dead`: what a receiver refused, why, and what becomes of it."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_agent.cli.audit import operator
from edge_agent.cli.options import ConfigOption, JsonOption
from edge_agent.config.places import read_places, require_config
from edge_agent.errors import ExitCode, UsageError
from edge_agent.status.columns import aligned

if TYPE_CHECKING:
    from edge_agent.spool.dead_letters import DeadLetters, Letter

app = typer.Typer(help="Records that a receiver refused: dead letters.", no_args_is_help=True)

SinkOption = Annotated[str, typer.Option("--sink", help="Which receiver refused.")]
Events = Annotated[
    list[str] | None, typer.Argument(metavar="EVENT_ID…", help="8 hex digits of an id are enough.")
]
AllOption = Annotated[bool, typer.Option("--all", help="Every dead letter of this receiver.")]
CodeOption = Annotated[str | None, typer.Option("--code", help="All with this code.")]
_LEAST_DIGITS = 8


@app.command("list")
def list_letters(
    *, config_file: ConfigOption = None, sink: SinkOption = "core", as_json: JsonOption = False
) -> int:
    """List them, the oldest first. Exit 1 when there are any."""
    found = _read(_spool_of(config_file), sink)
    if as_json:
        for letter in found.letters:
            print(json.dumps(_facts(letter), ensure_ascii=False))
    elif not found.letters:
        print(f"{sink} refused nothing that still waits ({len(found.discarded)} discarded)")
    else:
        rows = [
            [letter.event_id[:16], letter.at.isoformat()[:19], letter.device_name, letter.code,
             letter.detail]
            for letter in found.letters
        ]  # fmt: skip
        print("\n".join(aligned(["EVENT", "SINCE", "DEVICE", "CODE", "WHY"], rows)))
    return ExitCode.DEGRADED if found.letters else ExitCode.OK


@app.command("show")
def show(
    events: Events = None,
    *,
    config_file: ConfigOption = None,
    sink: SinkOption = "core",
    as_json: JsonOption = False,
) -> int:
    """Show the record, its raw bytes, why it was refused, and what was done about it."""
    for letter in _chosen(_read(_spool_of(config_file), sink), events, sink=sink):
        facts = _facts(letter)
        if as_json:
            print(json.dumps(facts, ensure_ascii=False))
            continue
        width = max(map(len, facts))
        for name, value in facts.items():
            shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            print(f"{name:{width}}  {shown}")
    return ExitCode.OK


@app.command("fix")
def fix(
    events: Events = None,
    *,
    note: Annotated[str, typer.Option("--note", help="What was mended, for whoever asks later.")],
    config_file: ConfigOption = None,
    sink: SinkOption = "core",
    code: CodeOption = None,
    every: AllOption = False,
) -> int:
    """Note that the cause was mended at the receiver, and send again. A record itself is never
    changed: its id is of its bytes.
    """
    from edge_agent.spool.dead_letters import annotate, replay

    path = _spool_of(config_file)
    letters = _chosen(_read(path, sink), events, sink=sink, code=code, every=every)
    annotate(path, letters, note, _person())
    print(f"{replay(path, letters, _person())} of {len(letters)} are sent again, with your note")
    return ExitCode.OK


@app.command("replay")
def replay_letters(
    events: Events = None,
    *,
    config_file: ConfigOption = None,
    sink: SinkOption = "core",
    code: CodeOption = None,
    every: AllOption = False,
) -> int:
    """Send again, with the next batches."""
    from edge_agent.spool.dead_letters import replay

    path = _spool_of(config_file)
    letters = _chosen(_read(path, sink), events, sink=sink, code=code, every=every)
    print(f"{replay(path, letters, _person())} of {len(letters)} are sent again")
    return ExitCode.OK


@app.command("discard")
def discard_letters(
    events: Events = None,
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why. It is kept for ever.")],
    config_file: ConfigOption = None,
    sink: SinkOption = "core",
    code: CodeOption = None,
    every: AllOption = False,
) -> int:
    """Settle for good: they are never sent again."""
    from edge_agent.spool.dead_letters import discard

    if not reason.strip():
        raise UsageError(
            "a reason is needed",
            where="--reason",
            remedy="Say in a few words why these records are not wanted",
            try_command='edge-agent dead discard EVENT_ID --reason "…"',
        )
    path = _spool_of(config_file)
    letters = _chosen(_read(path, sink), events, sink=sink, code=code, every=every)
    print(f"{discard(path, letters, reason, _person())} of {len(letters)} were discarded")
    return ExitCode.OK


def _spool_of(config_file: Path | None) -> Path:
    return read_places(require_config(config_file)).spool


def _read(path: Path, sink: str) -> "DeadLetters":
    from edge_agent.spool.dead_letters import read_dead_letters

    found = read_dead_letters(path, sink)
    if sink not in found.sinks and not found.letters and found.sinks:
        raise UsageError(
            f"there is no receiver {sink!r}",
            where="--sink",
            remedy=f"Known here: {', '.join(found.sinks)}",
            try_command="edge-agent dead list --sink core",
        )
    return found


def _person() -> Any:
    from edge_agent.spool.acts import Person

    return Person(name=operator(), at=datetime.now(UTC))


def _chosen(
    found: "DeadLetters",
    events: Sequence[str] | None,
    *,
    sink: str,
    code: str | None = None,
    every: bool = False,
) -> list["Letter"]:
    """Raises UsageError for an id that names none or several, and when nothing is chosen."""
    if every or code is not None:
        letters = [letter for letter in found.letters if code in {None, letter.code}]
    else:
        letters = [_named(found, event, sink) for event in events or ()]
    if not letters:
        raise UsageError(
            "no dead letter is chosen",
            where=f"sink {sink}",
            remedy="Name event ids, --code CODE or --all",
            try_command=f"edge-agent dead list --sink {sink}",
        )
    return letters


def _named(found: "DeadLetters", event: str, sink: str) -> "Letter":
    digits = event.lower()
    fitting = [letter for letter in found.letters if letter.event_id.startswith(digits)]
    if len(digits) < _LEAST_DIGITS or len(fitting) != 1:
        raise UsageError(
            f"{len(fitting)} dead letters begin with {event!r}",
            where="EVENT_ID",
            remedy=f"Write at least {_LEAST_DIGITS} hex digits that only one of them begins with",
            try_command=f"edge-agent dead list --sink {sink}",
        )
    return fitting[0]


def _facts(letter: "Letter") -> dict[str, Any]:
    import msgspec

    observation = msgspec.to_builtins(letter.row.observation())
    observation["record"]["raw"] = letter.row.record.raw.hex()
    return {
        "event_id": letter.event_id,
        "sink": letter.sink,
        "device": letter.device_name,
        "since": letter.at.isoformat(),
        "code": letter.code,
        "detail": letter.detail,
        "arrival": letter.row.arrival,
        "observation": observation,
        "acts": [
            {"at": act.at.isoformat(), "who": act.who, "what": act.what, "reason": act.reason}
            for act in letter.acts
        ],
    }
