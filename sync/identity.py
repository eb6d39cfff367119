"""Who this gateway is to its core."""

from msgspec import Struct

from protocols.signing import SigningKey


class GatewayIdentity(Struct, frozen=True, kw_only=True):
    """From enrolment: the gateway's id, its private key, and the core's public key, pinned."""

    gateway: str
    key: SigningKey
    core_public: bytes
