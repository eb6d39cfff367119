"""The identity of a running agent: what `edge-agent enroll` changes holds from the next batch on."""

from typing_extensions import override

from edge_agent.config.models import SiteConfig, UplinkSection
from edge_agent.core_transport import open_transport
from edge_agent.enrolment.identity import IdentityError, identity_path, load_identity
from protocols.batch_chain import ChainHead
from protocols.uplink import Answer
from sync.errors import CoreRefusedError
from sync.identity import GatewayIdentity
from sync.ports import PendingBatch, Transport
from sync.sealing import SealedBatch, Sealer


class LiveIdentity:
    """Read again when its file was replaced; a look costs microseconds."""

    def __init__(self, site: SiteConfig) -> None:
        self._site = site
        self._path = identity_path(site)
        self._read: tuple[tuple[int, int], GatewayIdentity] | None = None

    def current(self) -> GatewayIdentity:
        """Raises CoreRefusedError when this gateway has none: it collects, and delivers nothing."""
        stamp = self._stamp()
        if self._read is not None and stamp == self._read[0]:
            return self._read[1]
        try:
            identity = load_identity(self._site)
        except IdentityError as error:
            raise CoreRefusedError(
                f"{error.what}, so nothing is delivered",
                where=error.where,
                remedy=f"{error.remedy} ({error.try_command}). Records are kept here",
                code=error.code,
            ) from error
        # A file that was replaced in between has another stamp and is read at the next look.
        self._read = (stamp, identity) if stamp is not None else None
        return identity

    def _stamp(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns


class LiveSealer(Sealer):
    def __init__(self, identity: LiveIdentity, *, site: str) -> None:
        self._live = identity
        self._site_name = site

    @override
    def seal(self, pending: PendingBatch, *, columns: bool = False) -> SealedBatch:
        sealer = Sealer(self._live.current(), site=self._site_name)
        return sealer.seal(pending, columns=columns)


class LiveTransport(Transport):
    """The way to the core that the site file names, in the name of the identity of the moment."""

    def __init__(self, site: SiteConfig, uplink: UplinkSection, identity: LiveIdentity) -> None:
        self._site = site
        self._uplink = uplink
        self._live = identity
        self._open: tuple[GatewayIdentity, Transport] | None = None

    @override
    async def send(self, sealed: SealedBatch) -> Answer:
        return await (await self._transport()).send(sealed)

    @property
    @override
    def takes(self) -> frozenset[str]:
        return frozenset() if self._open is None else self._open[1].takes

    @override
    async def chain_head(self, ours: ChainHead) -> ChainHead:
        return await (await self._transport()).chain_head(ours)

    @override
    async def aclose(self) -> None:
        if self._open is not None:
            await self._open[1].aclose()
            self._open = None

    async def _transport(self) -> Transport:
        identity = self._live.current()
        if self._open is not None and self._open[0] is identity:
            return self._open[1]
        await self.aclose()
        transport = open_transport(self._site, self._uplink, identity)
        self._open = (identity, transport)
        return transport
