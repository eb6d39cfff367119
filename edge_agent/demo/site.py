"""The files that the demo writes and the product reads: a site file and a people file."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path

from edge_agent.demo.world import LINE_BOX, STATIONS, ZONE

SITE = "demo-plant"
GATEWAY = "demo-gateway"
LINE = "line-1"


@dataclass(frozen=True, slots=True)
class ShiftEntry:
    code: str
    name: str
    name_zh: str
    start: time
    end: time
    break_minutes: int


@dataclass(frozen=True, slots=True)
class PersonEntry:
    number: str
    name: str
    shift: str
    base_fen: int


@dataclass(frozen=True, slots=True)
class TerminalEntry:
    name: str
    serial: str
    port: int


def write_people_file(
    path: Path, shifts: Iterable[ShiftEntry], people: Iterable[PersonEntry], *, with_line: bool
) -> None:
    """Everyone's user id on the terminals and badge at the line is their employee number."""
    blocks = [f'[site]\nzone = "{ZONE}"\n', '[scheme]\ncode = "demo"\n']
    blocks += [
        _table(
            "shift",
            code=shift.code,
            name=shift.name,
            name_zh=shift.name_zh,
            start=f"{shift.start:%H:%M}",
            end=f"{shift.end:%H:%M}",
            break_min=shift.break_minutes,
        )
        for shift in shifts
    ]
    blocks += [
        _table(
            "person",
            number=person.number,
            name=person.name,
            shift=person.shift,
            base_fen=person.base_fen,
            device_user=person.number,
            badges=[person.number],
        )
        for person in people
    ]
    if with_line:
        blocks.append(_table("line", code=LINE, name="Line 1", name_zh="一号线"))
        blocks += [
            _table("station", source=LINE_BOX, tag=station_tag(number), line=LINE)
            for number in range(1, STATIONS + 1)
        ]
    path.write_text("\n".join(blocks), encoding="utf-8")


def write_agreements_file(path: Path, people: Iterable[PersonEntry], since: date) -> None:
    """What the scheme by law pays: everybody works in Shanghai, and 15 % of the wage float."""
    blocks = []
    for person in people:
        yuan = f"{person.base_fen // 100}.{person.base_fen % 100:02}"
        row = _table(
            "agreement",
            person=person.number,
            city="上海",
            base=yuan,
            insurance_base=yuan,
            fund_base=yuan,
            post_type="staff",
            floating_percent="15",
            cost_centre=person.shift,
            bank_name="Bank of Examples",
            bank_account=f"622200000000{person.number:0>7}",
        )
        blocks.append(f"{row}from = {since}\n")
    path.write_text("\n".join(blocks), encoding="utf-8")


def write_site_file(
    path: Path,
    *,
    core_url: str,
    terminals: Sequence[TerminalEntry],
    line_port: int | None,
) -> None:
    """Beside it, the folder for the gateway's state, for the agent alone."""
    path.with_name("state").mkdir(mode=0o700, exist_ok=True)
    blocks = [
        f'[site]\nname = "{SITE}"\nzone = "{ZONE}"\n',
        f'[gateway]\nname = "{GATEWAY}"\nstate_dir = "state"\n',
        f'[uplink]\nurl = "{core_url}"\n',
    ]
    blocks += [
        _table(
            "device",
            name=terminal.name,
            kind="zk-pull",
            host="127.0.0.1",
            port=terminal.port,
            serial=terminal.serial,
            poll_s=6 * 3600,
            live=False,  # the scene moves in hours, not in real seconds
        )
        for terminal in terminals
    ]
    if line_port is not None:
        blocks.append(
            _table(
                "device",
                name="line-1",
                kind="modbus-counter",
                host="127.0.0.1",
                port=line_port,
                serial=LINE_BOX,
                poll_s=3600,
                max_silence_s=24 * 3600,
            )
        )
        blocks += [
            _table(
                "device.counters",
                unit=number,
                tag=station_tag(number),
                pieces=0,
                rejects=2,
                badge=4,
                boot=6,
            )
            for number in range(1, STATIONS + 1)
        ]
    path.write_text("\n".join(blocks), encoding="utf-8")


def station_tag(number: int) -> str:
    return f"station-{number:02}"


def _table(heading: str, /, **fields: object) -> str:
    lines = [f"{key} = {_value(value)}" for key, value in fields.items()]
    return "\n".join([f"[[{heading}]]", *lines, ""])


def _value(value: object) -> str:
    # JSON's strings, whole numbers, truth values and lists of them are TOML's too.
    return json.dumps(value, ensure_ascii=False)
