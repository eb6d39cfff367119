"""The ZK terminals that `edge-agent simulate` serves: their model, people, log and faults."""

import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

from firmware_profiles import DeviceFacts, Profile, Quirk
from protocols.zk.attendance import AttendanceRow, Layout, encode_attendance
from protocols.zk.users import User
from simulators.zk_terminal import Faults, TerminalConfig, Wear, ZkTerminal, rows_from_usb_export
from simulators.zk_terminal.knobs import parse_faults
from simulators.zk_terminal.worn_log import worn_log

PEOPLE: Final = 50
_FIRST_USER: Final = 1001
# Ten punches an hour, so that a log of a hundred rows looks like a working day.
_PUNCH_DISTANCE: Final = timedelta(minutes=6)
# As larger units send a chunk: one packet. pyzk 0.9 loses its place in smaller ones over TCP.
_PACKET_BYTES: Final = 65_536
_NAMES: Final = {
    "gbk": ("王小明", "李娜", "张伟", "刘洋", "陈静"),
    "cp1252": ("José Peña", "François", "Müller", "Ana Ibáñez", "Søren"),
    "cp1256": ("محمد", "فاطمة", "علي", "سارة", "حسن"),
}
_PLAIN_NAMES: Final = ("Li Na", "Wang Wei", "Ana", "John", "Priya")


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalOrder:
    """What a simulated terminal shall be.

    input_file  a USB export as its log; without, `records` made-up punches until now
    profile     the model whose facts, layouts, code page and quirks it has
    layout      of its log, where it shall not be the profile's
    faults      as text, `name=value,name=value`; `help` is not understood here
    """

    records: int = 100
    seed: int = 0
    input_file: Path | None = None
    profile: Profile | None = None
    layout: Layout | None = None
    comm_key: int | None = None
    transport: Literal["tcp", "udp"] | None = None
    faults: str = ""


def wall_clock() -> datetime:
    """Naive, of this machine's zone: a simulated terminal hangs beside it."""
    return datetime.now(UTC).astimezone().replace(tzinfo=None)


def zk_terminals(order: TerminalOrder, devices: int) -> list[ZkTerminal]:
    """`devices` terminals of one kind, each with its serial and log.

    Raises what parse_faults raises, ValueError for what the model cannot hold, and OSError.
    """
    return [
        zk_terminal(replace(order, seed=order.seed + number - 1), number)
        for number in range(1, devices + 1)
    ]


def zk_terminal(order: TerminalOrder, number: int = 1) -> ZkTerminal:
    """As `zk_terminals`; `number` makes the serial."""
    setting = parse_faults(order.faults, seed=order.seed, faults=_faults_of(order.profile))
    config = replace(_model(order, number), **setting.config)
    if order.input_file is None:
        log = made_up_log(order.records, order.seed, end=wall_clock(), layout=config.layout)
        users = _people(config.code_page)
    else:
        log = _exported_log(order.input_file)
        users = [User(uid=uid, user_id=i) for i, uid in {r.user_id: r.uid for r in log}.items()]
    if setting.wear == Wear():
        return ZkTerminal(config, log, users, setting.faults)
    worn = worn_log(log, config.layout, setting.wear, seed=order.seed)
    return ZkTerminal(config, worn.rows, users, setting.faults, worn=worn.worn)


def over(order: TerminalOrder) -> Literal["tcp", "udp"]:
    """The transport: what was asked for, else what the model is asked over."""
    if order.transport is not None:
        return order.transport
    return "udp" if order.profile is not None and order.profile.transport == "zk-udp" else "tcp"


def made_up_log(
    records: int, seed: int, *, end: datetime, layout: Layout = Layout.ATT40
) -> list[AttendanceRow]:
    """`records` punches in time order, the last one at `end`, cut to seconds."""
    draw = random.Random(seed)  # noqa: S311 - repeatable, not secret
    methods = methods_of(layout)
    end = end.replace(microsecond=0)
    rows = []
    for index in range(records):
        uid = draw.randrange(1, PEOPLE + 1)
        rows.append(
            AttendanceRow(
                uid=uid,
                user_id=str(_FIRST_USER + uid - 1),
                time=end - _PUNCH_DISTANCE * (records - 1 - index),
                state=draw.randrange(2),
                verify=draw.choice(methods),
            )
        )
    return rows


def methods_of(layout: Layout) -> tuple[int, ...]:
    """Finger and face, as far as the layout has room for the number."""
    probe = AttendanceRow(uid=1, user_id="1", time=datetime(2026, 1, 1), verify=15)  # noqa: DTZ001 - as devices
    try:
        encode_attendance([probe], layout)
    except ValueError:
        return (1,)
    return (1, 15)


def _model(order: TerminalOrder, number: int) -> TerminalConfig:
    """A generic terminal, or one that says and holds what the profile's model does."""
    transport = over(order)
    settings: dict[str, Any] = {
        "clock": wall_clock,
        "serial": f"CLKSIM{number:07}",
        "mac": f"00:17:61:00:{number >> 8 & 0xFF:02x}:{number & 0xFF:02x}",
        "transport": transport,
        "packet_bytes": _PACKET_BYTES,
        "comm_key": order.comm_key,
    }
    profile = order.profile
    if profile is not None:
        # A model that nobody has reported yet says nothing about itself.
        facts = profile.reported[0] if profile.reported else DeviceFacts()
        settings |= {
            "platform": facts.platform,
            "device_name": facts.device_name,
            "firmware": facts.firmware,
            "layout": profile.record_layout,
            "user_width": profile.user_width,
            "code_page": profile.encoding,
            "buffered": Quirk.BARE_TABLE_COMMANDS not in profile.quirks,
        }
        rooms = {
            "record_capacity": profile.capacity.records,
            "user_capacity": profile.capacity.users,
        }
        settings |= {name: room for name, room in rooms.items() if room is not None}
    if order.layout is not None:
        settings["layout"] = order.layout
    return TerminalConfig(**settings)


def _faults_of(profile: Profile | None) -> Faults:
    if profile is not None and Quirk.COUNT_UNKNOWN in profile.quirks:
        return Faults(sizes_bytes=4)
    return Faults()


def _people(code_page: str) -> list[User]:
    names: Sequence[str] = _NAMES.get(code_page, _PLAIN_NAMES)
    return [
        User(uid=uid, user_id=str(_FIRST_USER + uid - 1), name=names[uid % len(names)])
        for uid in range(1, PEOPLE + 1)
    ]


def _exported_log(file: Path) -> list[AttendanceRow]:
    log, refused = rows_from_usb_export(file.read_bytes())
    if refused:
        note = f"note: {len(refused)} rows of {file} cannot be held by a terminal"
        print(note, file=sys.stderr)
    return log
