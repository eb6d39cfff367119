"""How the uplink's requests and answers look in MQTT 5: topics, properties, the broker's address.

What stands in HTTP's headers stands in user properties of the same names; the body is the same to
the byte. A gateway publishes and subscribes under its own id only, and the core answers there and
nowhere else, whatever response topic a message names.
"""

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from msgspec import Struct

from protocols.batch_chain import MAX_GATEWAY_BYTES
from protocols.errors import ProtocolError

ROOT = "clockline/v1/gateways"
BATCHES, CHAIN, ANSWERS = "batches", "chain", "answers"

CONTENT_TYPE = "application/json"
ENCODING_PROPERTY = "content-encoding"
STATUS_PROPERTY = "clockline-status"  # the answer's, as HTTP would have it
RETRY_PROPERTY = "retry-after"  # seconds

MAX_CORRELATION_BYTES = 64
# Topic and properties stand beside the body in one packet; ours are under 1 kB.
PACKET_ALLOWANCE_BYTES = 64 * 1024
MAX_PACKET_BYTES = 268_435_455  # what the length field of MQTT can say

# Of the names in topics: they are wildcards or separators there.
_NOT_IN_A_TOPIC = frozenset("/+#\0")
_PORTS = {"mqtts": 8883, "mqtt": 1883}


class BrokerAddress(Struct, frozen=True, kw_only=True):
    """`user` is None when the address names none."""

    host: str
    port: int
    tls: bool
    user: str | None = None


def broker_address(url: str) -> BrokerAddress:
    """Of `mqtts://broker`, `mqtts://user@broker:8883`, `mqtt://127.0.0.1`. Raises ProtocolError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise ProtocolError(f'"{url}" is not an address: {exc}') from exc
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ProtocolError(f'"{url}" is not the address of a broker')
    if parts.password is not None:
        raise ProtocolError("a password in an address is seen by everyone: write it into a file")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ProtocolError(f'"{url}" names more than a host and a port')
    return BrokerAddress(
        host=parts.hostname,
        port=port if port is not None else _PORTS[parts.scheme],
        tls=parts.scheme == "mqtts",
        user=parts.username,
    )


def topic_of(gateway: str, kind: str) -> str:
    """Raises ProtocolError for a name that cannot stand in a topic."""
    if not fits_a_topic(gateway):
        raise ProtocolError(f"the gateway name {gateway!r} cannot stand in an MQTT topic")
    return f"{ROOT}/{gateway}/{kind}"


def fits_a_topic(gateway: str) -> bool:
    return 0 < len(gateway.encode()) <= MAX_GATEWAY_BYTES and not _NOT_IN_A_TOPIC & set(gateway)


def read_topic(topic: str) -> tuple[str, str]:
    """(gateway, kind). Raises ProtocolError."""
    root, _, rest = topic.partition(f"{ROOT}/")
    gateway, _, kind = rest.partition("/")
    if root or not fits_a_topic(gateway) or kind not in {BATCHES, CHAIN, ANSWERS}:
        raise ProtocolError(f"{topic[:100]!r} is no topic of a gateway")
    return gateway, kind


def single_properties(properties: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """Keys in lower case. Raises ProtocolError when one comes twice: two readers could take one
    each.
    """
    found: dict[str, str] = {}
    for name, value in properties:
        lower = name.lower()
        if lower in found:
            raise ProtocolError(f"{lower[:40]} comes twice")
        found[lower] = value
    return found
