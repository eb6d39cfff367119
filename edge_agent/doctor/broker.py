"""The way to the core over MQTT: the broker, what it lets us do, and the core behind it.

Only while the agent does not run: a broker that knows a gateway by its name gives the connection to
whoever comes last, and doctor must not push the agent out. The agent says itself how it fares.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from edge_agent.config.models import SiteConfig, UplinkSection
from edge_agent.core_transport import credentials, open_transport
from edge_agent.doctor.findings import Code, Finding, bad, good, warn
from edge_agent.enrolment.identity import IdentityError, load_identity
from edge_agent.status.agent import Agent
from protocols.batch_chain import NO_BATCH
from protocols.mqtt_uplink import PACKET_ALLOWANCE_BYTES, broker_address
from protocols.uplink import MAX_BATCH_BYTES
from sync.errors import UplinkError
from sync.identity import GatewayIdentity
from sync.tls import tls_context

if TYPE_CHECKING:
    from sync.broker_session import Credentials

ANSWER_S = 5.0
_CODES = {
    "broker_refused": Code.BROKER_REFUSES,
    "batch_refused": Code.BROKER_LIMITS,
    "core_timeout": Code.BROKER_NO_CORE,
    "no_core": Code.BROKER_NO_CORE,
    "broker_password": Code.BROKER_REFUSES,
    "tls_files": Code.CERTIFICATE,
    "not_enrolled": Code.NOT_ENROLLED,
    "identity_damaged": Code.IDENTITY_UNUSABLE,
    "other_gateway": Code.IDENTITY_UNUSABLE,
    "key_missing": Code.IDENTITY_UNUSABLE,
    "chain_fork": Code.CHAIN_FORK,
    "key_refused": Code.KEY_REFUSED,
    "key_revoked": Code.KEY_REFUSED,
    "unknown_gateway": Code.KEY_REFUSED,
    "bad_signature": Code.KEY_REFUSED,
    "wrong_core": Code.WRONG_CORE,
}


def check_broker(site: SiteConfig, agent: Agent) -> Iterator[Finding]:
    """Nothing for a site that reaches its core in another way."""
    uplink = site.uplink
    if uplink is None or not uplink.over_mqtt:
        return
    if agent.running:
        yield _as_the_agent_says(uplink, agent)
        return
    try:
        identity = load_identity(site)
    except IdentityError:  # `check_identity` says why
        return
    yield from asyncio.run(_try(site, uplink, identity))


def _as_the_agent_says(uplink: UplinkSection, agent: Agent) -> Finding:
    told = agent.snapshot.get("uplink") or {}
    error = told.get("last_error")
    if error:
        return _problem(error["code"], error["where"], error["what"], error["remedy"])
    return good(Code.UPLINK_UNREACHABLE, uplink.url, "the running agent has no complaint")


async def _try(site: SiteConfig, uplink: UplinkSection, identity: GatewayIdentity) -> list[Finding]:
    """One signed question, which goes the whole way and changes nothing."""
    impatient = uplink.model_copy(update={"timeout_s": ANSWER_S})
    try:
        async with contextlib.aclosing(open_transport(site, impatient, identity)) as transport:
            await transport.chain_head(NO_BATCH)
    except UplinkError as error:
        return [_problem(error.code, error.where, error.what, error.remedy)]
    found = [good(Code.UPLINK_UNREACHABLE, uplink.url, "broker and core answer")]
    return found + await _try_broker(uplink, credentials(site, uplink, identity.gateway))


async def _try_broker(uplink: UplinkSection, who: "Credentials") -> list[Finding]:
    """What works, and would lose or betray something later."""
    import aiomqtt  # noqa: PLC0415 - costs memory; only with a broker

    from sync.broker_session import BrokerSession, Credentials  # noqa: PLC0415 - as above

    found: list[Finding] = []
    address = broker_address(uplink.url)
    session = BrokerSession(address, who, timeout_s=ANSWER_S)
    try:
        async with session:
            if session.largest_packet < MAX_BATCH_BYTES + PACKET_ALLOWANCE_BYTES:
                found.append(_small(uplink, session.largest_packet))
        stranger = Credentials(tls=tls_context(ca_file=uplink.ca_file) if address.tls else None)
        async with BrokerSession(address, stranger, timeout_s=ANSWER_S):
            found.append(
                warn(
                    Code.BROKER_OPEN,
                    uplink.url,
                    "lets in whoever comes, without password or certificate",
                    "Set allow_anonymous false and the ACL file of docs/mqtt.md",
                )
            )
    except aiomqtt.MqttError:
        return found  # the stranger was refused, as it should
    return found


def _small(uplink: UplinkSection, largest: int) -> Finding:
    return warn(
        Code.BROKER_LIMITS,
        uplink.url,
        f"takes messages of at most {largest} bytes; a batch may have {MAX_BATCH_BYTES}",
        "Set max_packet_size as docs/mqtt.md says",
    )


def _problem(code: str, where: str, what: str, remedy: str) -> Finding:
    return bad(_CODES.get(code, Code.UPLINK_UNREACHABLE), where, what, remedy)
