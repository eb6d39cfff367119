"""A link that keeps what goes over it, for a capture."""

from typing_extensions import override

from drivers.ports import Link
from protocols.errors import LimitExceededError
from protocols.zk.capture import Segment

# Twice the largest log on the market, less would cut it; more is a device that never stops.
MAX_RECORDED_BYTES = 96 * 1024 * 1024


class RecordingLink(Link):
    """`segments` grows by one for each read and write of `link`.

    Raises LimitExceededError beyond `limit` bytes.
    """

    def __init__(
        self, link: Link, segments: list[Segment], *, limit: int = MAX_RECORDED_BYTES
    ) -> None:
        self._link = link
        self._segments = segments
        self._left = limit - sum(len(segment.data) for segment in segments)
        self._limit = limit

    @override
    async def read(self) -> bytes:
        data = await self._link.read()
        if data:
            self._keep(data, sent=False)
        return data

    @override
    async def write(self, data: bytes) -> None:
        self._keep(data, sent=True)
        await self._link.write(data)

    @override
    async def aclose(self) -> None:
        await self._link.aclose()

    @override
    def describe(self) -> str:
        return self._link.describe()

    def _keep(self, data: bytes, *, sent: bool) -> None:
        self._left -= len(data)
        if self._left < 0:
            raise LimitExceededError("the recording is full", limit=self._limit)
        self._segments.append(Segment(sent=sent, data=data))
