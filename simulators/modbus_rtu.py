"""Modbus RTU units on one serial line, behind a pseudo terminal, with the faults of real lines."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from typing_extensions import override

from protocols.modbus.pdu import encode_pdu
from protocols.modbus.rtu import RtuFrame, RtuFramer, Side, encode_rtu
from simulators.modbus_units import CounterUnit, ServedUnits
from simulators.serial_plug import SerialPlug

_NOISE: Final = b"\xff\x00\x7f"


@dataclass(slots=True, kw_only=True)
class LineFaults:
    """Switched at run time. The counting ones are used up by the answers they spoil."""

    slice_bytes: int | None = None
    """Answers come in pieces of this many bytes, `pause_s` apart."""
    pause_s: float = 0.0
    noise: int = 0
    """So many answers have noise before them."""
    wrong_checksums: int = 0
    wrong_units: int = 0
    """So many answers name another unit."""
    late_answers: int = 0
    """So many answers come `late_s` after the question."""
    late_s: float = 0.0
    echo: bool = False
    """The adapter hears its own questions."""


class ModbusRtuLine(SerialPlug):
    """Serves `units`; the others are silent, as on a real line."""

    def __init__(self, units: dict[int, CounterUnit], *, link: Path | None = None) -> None:
        super().__init__(link=link)
        self.units = units
        self.faults = LineFaults()
        self._served = ServedUnits(units)
        self.asked = self._served.asked
        self._framer = RtuFramer(Side.REQUESTS)
        self._answering: set[asyncio.Task[None]] = set()

    @override
    async def plug(self) -> None:
        self._framer = RtuFramer(Side.REQUESTS)
        await super().plug()

    @override
    async def unplug(self) -> None:
        for task in self._answering:
            task.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)
        await super().unplug()

    @override
    def hear(self, data: bytes) -> None:
        for item in self._framer.feed(data):
            if isinstance(item, RtuFrame):
                task = asyncio.get_running_loop().create_task(self._answer(item))
                self._answering.add(task)
                task.add_done_callback(self._answering.discard)

    async def _answer(self, asked: RtuFrame) -> None:
        faults = self.faults
        if faults.echo:
            await self.send(encode_rtu(asked.unit, asked.pdu))
        response = self._served.respond(asked.unit, asked.pdu)
        if response is None:
            return
        unit = asked.unit
        if faults.wrong_units:
            faults.wrong_units -= 1
            unit += 1
        wire = encode_rtu(unit, encode_pdu(response))
        if faults.wrong_checksums:
            faults.wrong_checksums -= 1
            wire = wire[:-1] + bytes([wire[-1] ^ 0xFF])
        if faults.noise:
            faults.noise -= 1
            wire = _NOISE + wire
        if faults.late_answers:
            faults.late_answers -= 1
            await asyncio.sleep(faults.late_s)
        size = faults.slice_bytes or len(wire)
        for start in range(0, len(wire), size):
            await self.send(wire[start : start + size])
            await asyncio.sleep(faults.pause_s)
