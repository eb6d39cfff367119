"""A card reader (RDM6300 frames) behind a pseudo terminal: the driver opens a real port."""

import asyncio
from pathlib import Path

from typing_extensions import override

from protocols.rdm6300 import encode_card
from simulators.serial_plug import SerialPlug


class CardReaderSim(SerialPlug):
    """`heard` collects what the driver wrote."""

    def __init__(self, *, link: Path | None = None, crlf: bool = False) -> None:
        super().__init__(link=link)
        self._crlf = crlf
        self.heard = bytearray()

    async def start(self) -> None:
        await self.plug()

    async def stop(self) -> None:
        await self.unplug()

    @override
    def hear(self, data: bytes) -> None:
        self.heard += data

    async def present(self, card_hex: str, *, repeats: int = 1, interval_s: float = 0.065) -> None:
        """Holds a card (ten hex digits) on the coil for `repeats` frames."""
        frame = encode_card(bytes.fromhex(card_hex), crlf=self._crlf)
        for repeat in range(repeats):
            if repeat:
                await asyncio.sleep(interval_s)
            await self.send(frame)
