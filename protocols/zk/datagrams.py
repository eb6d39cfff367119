"""ZK over UDP: one packet per datagram, no envelope (protocol.md 1); `encode_packet` makes one."""

from protocols.errors import ProtocolError
from protocols.zk.framing import (
    PANEL_START,
    SECURE_MAGIC,
    TCP_MAGIC,
    Packet,
    PanelError,
    SecureChannelError,
    decode_packet,
    has_right_checksum,
)

_PANEL_HEAD = bytes((PANEL_START, 1))


def decode_datagram(datagram: bytes, *, verify: bool = True) -> Packet:
    """The packet of one datagram.

    Raises PanelError and SecureChannelError when another protocol answers, and ProtocolError or
    its kin for a damaged datagram, which on UDP is as good as lost: drop it and ask again.
    `verify` off takes a wrong checksum: captures are cut and edited.
    """
    if not has_right_checksum(datagram):
        _check_protocol(datagram)
    return decode_packet(datagram, verify=verify)


def _check_protocol(datagram: bytes) -> None:
    if datagram.startswith(_PANEL_HEAD):
        raise PanelError("an access panel (C3/inBio) answers here")
    if datagram.startswith(SECURE_MAGIC):
        raise SecureChannelError("the peer speaks the encrypted channel")
    if datagram.startswith(TCP_MAGIC):
        raise ProtocolError("a TCP frame in a datagram")
