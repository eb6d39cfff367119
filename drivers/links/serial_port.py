"""A serial port link to one device (USB adapter, on-board UART, pty in tests)."""

import asyncio
import contextlib
import errno
import os
from typing import Literal

import serial
import serial_asyncio_fast
from typing_extensions import override

from drivers.errors import LinkDownError
from drivers.ports import Link

_READ_BYTES = 4096
_PARITIES = {
    "none": serial.PARITY_NONE,
    "even": serial.PARITY_EVEN,
    "odd": serial.PARITY_ODD,
}
_CLOSE_S = 2.0  # an adapter that was pulled out must not hold the supervisor

_REMEDIES = {
    errno.ENOENT: (
        "port_missing",
        "Plug it in, and name it by the path that `ls /dev/serial/by-id` shows: it survives replugs",
    ),
    errno.EACCES: (
        "port_forbidden",
        "Add the agent's user to the group dialout (`usermod -aG dialout USER`) and restart it",
    ),
    errno.EBUSY: ("port_busy", "Another program holds the port: `fuser -v PORT` names it"),
}
_REMEDIES[errno.EAGAIN] = _REMEDIES[errno.EBUSY]  # what an exclusive lock that is taken reports
_OTHER_REMEDY = (
    "port_unusable",
    "Check path and baud rate in the site file: the path must be a serial port, not a file",
)


class SerialLink(Link):
    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, where: str
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._where = where

    @override
    async def read(self) -> bytes:
        """At least one byte. A port has no end of file: when it goes away, LinkDownError."""
        try:
            data = await self._reader.read(_READ_BYTES)
        except OSError as exc:
            raise _lost(self._where, str(exc)) from exc
        if not data:
            raise _lost(self._where, "port closed")
        return data

    @override
    async def write(self, data: bytes) -> None:
        if self._writer.is_closing():
            raise _lost(self._where, "port closed")
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as exc:
            raise _lost(self._where, str(exc)) from exc

    @override
    async def aclose(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await self._writer.wait_closed()

    @override
    def describe(self) -> str:
        return self._where


async def open_serial(
    port: str,
    *,
    baud: int = 9600,
    parity: Literal["none", "even", "odd"] = "none",
    stop_bits: Literal[1, 2] = 1,
) -> SerialLink:
    """Opens `port` with 8 data bits, for this process alone.

    Raises LinkDownError that names the cause and what to do.
    """
    where = f"serial {port}"
    try:
        reader, writer = await serial_asyncio_fast.open_serial_connection(
            url=port,
            baudrate=baud,
            bytesize=serial.EIGHTBITS,
            parity=_PARITIES[parity],
            stopbits=stop_bits,
            exclusive=True,
        )
    except (OSError, ValueError) as exc:  # SerialException is an OSError; ValueError: the baud rate
        raise _cannot_open(where, exc) from exc
    return SerialLink(reader, writer, where)


def _cannot_open(where: str, exc: OSError | ValueError) -> LinkDownError:
    number = exc.errno if isinstance(exc, OSError) else None
    code, remedy = _REMEDIES.get(number or 0, _OTHER_REMEDY)
    cause = os.strerror(number) if number else str(exc)
    return LinkDownError(f"cannot open the port: {cause}", where=where, remedy=remedy, code=code)


def _lost(where: str, cause: str) -> LinkDownError:
    return LinkDownError(
        f"connection lost ({cause})",
        where=where,
        remedy="It is opened again by itself; if it repeats, check plug and cable of the device",
        code="link_lost",
    )
