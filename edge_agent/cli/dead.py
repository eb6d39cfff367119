"""`edge-agent dead list|show|fix|replay|discard`: records that a receiver refused."""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_agent.cli.audit import audit
from edge_agent.cli.decisions import (
    chosen,
    deciding_person,
    printable,
    refusal,
    sentence_of,
    spool_of,
)
from edge_agent.cli.options import ConfigOption, JsonOption
from edge_agent.errors import ExitCode
from edge_agent.status.columns import aligned

if TYPE_CHECKING:
    from edge_agent.spool.dead_letters import DeadLetters, Discarded, Letter

app = typer.Typer(
    help="Records that the core refused: look, mend the cause, send again, or give up with a reason.",
    no_args_is_help=True,
)

SinkOption = Annotated[str, typer.Option("--sink", help="Which receiver refused them.")]
CodeOption = Annotated[str | None, typer.Option("--code", help="All that were refused with it.")]
AllOption = Annotated[bool, typer.Option("--all", help="Every dead letter of this receiver.")]
Ids = Annotated[
    list[str] | None, typer.Argument(metavar="ID…", help="Event ids, or their first digits.")
]
_SHOWN_DIGITS = 16
_FEWEST_DIGITS = 4


@app.command("list")
def list_letters(
    *,
    config_file: ConfigOption = None,
    sink: SinkOption = "core",
    code: CodeOption = None,
    discarded: Annotated[
        bool, typer.Option("--discarded", help="Those that somebody gave up, with the reason.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Show what was refused: code, since when, whose. Exit 1 when something waits for a person."""
    found = _read(config_file, sink)
    letters = [one for one in found.letters if code in {None, one.code}]
    given_up = [one for one in found.discarded if code in {None, one.code}]
    if as_json:
        facts = {
            "sink": sink,
            "dead": [_letter(one) for one in letters],
            "by_code": dict(Counter(one.code for one in letters)),
            "discarded": [_discarded(one) for one in given_up],
        }
        print(json.dumps(facts, ensure_ascii=False))
    elif discarded:
        _print_discarded(given_up)
    else:
        _print_letters(letters, len(given_up), sink)
    return ExitCode.DEGRADED if letters and not discarded else ExitCode.OK


@app.command("show")
def show(
    event_id: Annotated[str, typer.Argument(metavar="ID", help="Event id or its first digits.")],
    *,
    config_file: ConfigOption = None,
    sink: SinkOption = "core",
    as_json: JsonOption = False,
) -> int:
    """Show one: record, bytes, why it was refused, what to do, and what was done so far."""
    from edge_agent.dead_letter_advice import advice_for

    letter = _named(_read(config_file, sink), [event_id])[0]
    facts = _letter(letter)
    advice = advice_for(letter.code)
    if as_json:
        print(json.dumps({**facts, "means": advice.means, "do": advice.remedy}, ensure_ascii=False))
        return ExitCode.OK
    print(f"event     {letter.event_id}")
    print(f"refused   {facts['since'][:19]}Z by {sink}: {letter.code}")
    print(f"          {printable(letter.detail or '(no words beside the code)')}")
    print(f"means     {advice.means}")
    print(f"do        {advice.remedy}")
    print("record")
    for key, value in facts["record"].items():
        print(f"  {key:12} {printable(str(value))}")
    print(f"received  {facts['received_at'][:19]}Z, {facts['lane']}, arrival {facts['arrival']}")
    for act in facts["acts"]:
        print(f"{act['at'][:19]}Z {act['who']}: {act['what']} {act['reason'] or ''}".rstrip())
    print(f"then      edge-agent dead replay {letter.event_id[:_SHOWN_DIGITS]}")
    print(f'or        edge-agent dead discard {letter.event_id[:_SHOWN_DIGITS]} --reason "…"')
    return ExitCode.OK


@app.command("fix")
def fix(
    ids: Ids = None,
    *,
    note: Annotated[
        str, typer.Option("--note", help="What was mended at the receiver, in a sentence.")
    ],
    config_file: ConfigOption = None,
    sink: SinkOption = "core",
    code: CodeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Say how the cause was mended, and send again. The record itself is never changed.

    Its bytes are its identity. Somebody else's user id, a wrong time: that is corrected at the core,
    by an event of its own that names this one.
    """
    from edge_agent.spool.dead_letters import annotate, replay

    text = sentence_of(note, "--note", 'dead fix ID --note "…"')
    letters = _selected(_read(config_file, sink), ids, code, every=False, command="dead fix")
    path, person = spool_of(config_file), deciding_person()
    annotate(path, letters, text, person)
    done = replay(path, letters, person)
    return _done("fix", done, letters, sink, as_json=as_json)


@app.command("replay")
def replay_letters(
    ids: Ids = None,
    *,
    config_file: ConfigOption = None,
    sink: SinkOption = "core",
    code: CodeOption = None,
    every: AllOption = False,
    as_json: JsonOption = False,
) -> int:
    """Send them again, as they are, with the next batches. Also while the agent runs."""
    from edge_agent.spool.dead_letters import replay

    letters = _selected(_read(config_file, sink), ids, code, every=every, command="dead replay")
    done = replay(spool_of(config_file), letters, deciding_person())
    return _done("replay", done, letters, sink, as_json=as_json)


@app.command("discard")
def discard_letters(  # noqa: PLR0913 - each is an option
    ids: Ids = None,
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why, in a sentence. Kept for ever.")],
    config_file: ConfigOption = None,
    sink: SinkOption = "core",
    code: CodeOption = None,
    every: AllOption = False,
    as_json: JsonOption = False,
) -> int:
    """Give them up for good. They stay here whole, with the reason and your name; the core is told."""
    from edge_agent.spool.dead_letters import discard

    text = sentence_of(reason, "--reason", 'dead discard ID --reason "…"')
    letters = _selected(_read(config_file, sink), ids, code, every=every, command="dead discard")
    done = discard(spool_of(config_file), letters, text, deciding_person())
    return _done("discard", done, letters, sink, as_json=as_json)


def _read(config_file: Path | None, sink: str) -> "DeadLetters":
    """Raises UsageError for a sink that the spool does not know."""
    from edge_agent.config.suggestion import did_you_mean
    from edge_agent.spool.dead_letters import read_dead_letters

    found = read_dead_letters(spool_of(config_file), sink)
    if sink not in found.sinks and sink != "core":
        known = ", ".join({"core", *found.sinks})
        raise refusal(
            f"no receiver is called {sink}{did_you_mean(sink, found.sinks)}",
            "--sink",
            f"Receivers: {known}",
            "dead list --sink core",
        )
    return found


def _selected(
    found: "DeadLetters", ids: Sequence[str] | None, code: str | None, *, every: bool, command: str
) -> "Sequence[Letter]":
    """Raises UsageError unless exactly one way of naming was used, and it names some."""
    ways = [bool(ids), code is not None, every]
    if sum(ways) != 1:
        what = "two ways of naming" if sum(ways) > 1 else "which ones was not said"
        raise refusal(
            what, command, "Name ids, or --code CODE, or --all where there is one", "dead list"
        )
    if ids:
        return _named(found, ids)
    letters = [one for one in found.letters if every or one.code == code]
    if not letters:
        codes = ", ".join(sorted({one.code for one in found.letters})) or "none at all"
        wanted = "" if every else f" of code {code}"
        raise refusal(f"there is no dead letter{wanted}", command, f"Codes: {codes}", "dead list")
    return letters


def _named(found: "DeadLetters", ids: Sequence[str]) -> "Sequence[Letter]":
    gone = {one.observation.event_id: one for one in found.discarded}
    for name in ids:
        digits = name.strip().lower()
        if len(digits) < _FEWEST_DIGITS:
            raise refusal(
                f"{name!r} is too short", "dead letter",
                f"The first {_FEWEST_DIGITS} digits or more", "dead list",
            )  # fmt: skip
        known = [one for identity, one in gone.items() if identity.startswith(digits)]
        if known and not any(one.event_id.startswith(digits) for one in found.letters):
            by = known[0].by
            raise refusal(
                f"{name} was discarded {by.at:%Y-%m-%d} by {by.who}: {by.reason}",
                "dead letter", "It stays so", "dead list --discarded",
            )  # fmt: skip
    return chosen(
        found.letters,
        [name.strip().lower() for name in ids],
        matches=lambda letter, name: letter.event_id.startswith(name),
        told=lambda letter: f"{letter.event_id} {letter.code}",
        what="dead letter",
        command="dead list",
    )


def _done(verb: str, done: int, letters: "Sequence[Letter]", sink: str, *, as_json: bool) -> int:
    for serial in sorted({_serial(letter) for letter in letters}):
        count = sum(_serial(letter) == serial for letter in letters)
        audit(serial, f"dead-{verb}", verb, after=f"{count} records of sink {sink}")
    words = {
        "replay": "are sent again with the next batches",
        "fix": "have the note, and are sent again with the next batches",
        "discard": "are given up: kept here with the reason, and the core is told",
    }
    if as_json:
        ids = [letter.event_id for letter in letters]
        print(json.dumps({"sink": sink, "done": done, "verb": verb, "event_ids": ids}))
    else:
        print(f"{done} of {len(letters)} records {words[verb]}.")
        if done < len(letters):
            print("The others were no dead letters any more: somebody was faster.", file=sys.stderr)
    return ExitCode.OK


def _serial(letter: "Letter") -> str:
    from edge_agent.spool.dead_letters import serial_of

    return serial_of(letter.row.record)


def _letter(letter: "Letter") -> dict[str, Any]:
    from edge_agent.cli.device_rows import row_of
    from edge_agent.spool.lanes import LANE_BY_NUMBER

    seen = letter.row.observation()
    return {
        "event_id": letter.event_id,
        "sink": letter.sink,
        "code": letter.code,
        "detail": letter.detail,
        "since": letter.at.isoformat(),
        "device": letter.device_name,
        "record": row_of(seen.record),
        "received_at": seen.received_at.isoformat(),
        "zone": seen.zone,
        "clock_offset_ms": seen.clock_offset_ms,
        "gateway_flags": [str(flag) for flag in seen.flags],
        "lane": str(LANE_BY_NUMBER[letter.row.lane]),
        "arrival": letter.row.arrival,
        "acts": [
            {"at": act.at.isoformat(), "who": act.who, "what": act.what, "reason": act.reason}
            for act in letter.acts
        ],
    }


def _discarded(one: "Discarded") -> dict[str, Any]:
    from edge_agent.cli.device_rows import row_of

    return {
        "event_id": one.observation.event_id,
        "code": one.code,
        "detail": one.detail,
        "refused_at": one.refused_at.isoformat(),
        "discarded_at": one.by.at.isoformat(),
        "by": one.by.who,
        "reason": one.by.reason,
        "record": row_of(one.observation.record),
    }


def _print_letters(letters: "Sequence[Letter]", given_up: int, sink: str) -> None:
    if not letters:
        print(f"{sink} refuses nothing; {given_up} records were discarded (--discarded).")
        return
    rows = []
    for letter in letters:
        record = _letter(letter)["record"]
        rows.append([
            letter.event_id[:_SHOWN_DIGITS],
            letter.code,
            f"{letter.at:%Y-%m-%d %H:%M}",
            letter.device_name or _serial(letter),
            printable(str(record.get("user_id", record.get("tag", record.get("code", ""))))),
            record.get("device_time", record.get("source_time")),
            letter.acts[-1].what.removeprefix("dead_letter_") if letter.acts else None,
        ])  # fmt: skip
    print("\n".join(aligned(["ID", "CODE", "SINCE", "DEVICE", "WHO/WHAT", "TIME", "LAST"], rows)))
    counts = Counter(letter.code for letter in letters)
    told = ", ".join(f"{code} {count}" for code, count in sorted(counts.items()))
    print(f"\n{len(letters)} refused by {sink}: {told}. Look at one: edge-agent dead show ID")


def _print_discarded(given_up: "Sequence[Discarded]") -> None:
    rows = [
        [one.observation.event_id[:_SHOWN_DIGITS], one.code, f"{one.by.at:%Y-%m-%d %H:%M}",
         one.by.who, one.by.reason]
        for one in given_up
    ]  # fmt: skip
    if not rows:
        print("Nothing was ever discarded.")
        return
    print("\n".join(aligned(["ID", "CODE", "DISCARDED", "BY", "REASON"], rows)))
