"""Is each device the unit that it should be, and is this the only gateway that pulls it?"""

import json
import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from secrets import token_bytes
from typing import Any

import httpx

from edge_agent.config.models import SiteConfig, UplinkSection
from edge_agent.doctor.findings import Code, Finding, bad, good, warn
from edge_agent.enrolment.identity import load_identity
from edge_agent.enrolment.trust import open_tls
from edge_agent.errors import CommandError
from edge_agent.status.agent import Agent
from protocols.signed_request import DEVICES_TARGET, NONCE_BYTES, sign_request
from sync.identity import GatewayIdentity

ANSWER_S = 5.0
# 2,000 devices with two gateways each are 0.7 MB; more is no answer of a core.
MAX_ANSWER_BYTES = 4 * 1024 * 1024
# A gateway that brought a device once, long ago, was replaced by this one.
SHARED_WITHIN = timedelta(days=7)
_OTHER_UNIT_CODES = frozenset({"another_serial", "wrong_serial"})


def check_units(ledger: Mapping[str, Any] | None, agent: Agent) -> Iterator[Finding]:
    """Another serial behind a name, and what people ordered about it."""
    for device in agent.snapshot.get("devices", []) if agent.running else []:
        error = device["error"]
        if error and error["code"] in _OTHER_UNIT_CODES:
            where = f"device {device['name']}"
            yield bad(Code.ANOTHER_SERIAL, where, error["what"], error["remedy"])
    for order in ledger["replacements"] if ledger else []:
        where = f"device {order['name']}"
        what = (
            f"{order['old']} was replaced by {order['new']} ({order['ordered_at'][:19]}Z, by "
            f"{order['ordered_by']})"
        )
        if order["settled_at"] is None:
            yield warn(
                Code.DEVICE_REPLACED,
                where,
                f"{what}; {order['new']} was not read yet",
                f"Connect it; or undo: edge-agent device replace {order['new']} {order['old']}",
            )
        else:
            yield good(Code.DEVICE_REPLACED, where, what)


def check_shared(site: SiteConfig, now: datetime) -> Iterator[Finding]:
    """Asks the core who else delivers our devices. Silent when it cannot be asked: `check_answer`
    says that; over MQTT it cannot.
    """
    if site.uplink is None or site.uplink.over_mqtt:
        return
    where = site.uplink.url
    try:
        status, content = _ask(site.uplink, load_identity(site), open_tls(site))
    except (CommandError, httpx.HTTPError, httpx.InvalidURL, OSError):
        return
    if status in {401, 403}:  # `check_identity` says why
        return
    told = _told(content) if status == httpx.codes.OK else None
    if told is None:
        yield warn(
            Code.DEVICE_SHARED,
            where,
            f"does not tell which gateways deliver a device (HTTP {status})",
            "Update the core; check that uplink.url is the core itself",
        )
        return
    shared = list(_shared(told, site.gateway.name, now))
    yield from shared or [
        good(Code.DEVICE_SHARED, where, "no other gateway delivers a device of this one")
    ]


def _ask(
    uplink: UplinkSection, identity: GatewayIdentity, tls: ssl.SSLContext
) -> tuple[int, bytes]:
    """Status and body; of a longer one than any core sends only the beginning."""
    nonce = token_bytes(NONCE_BYTES)
    request = sign_request(identity.key, identity.gateway, DEVICES_TARGET, nonce=nonce)
    headers = {"Accept-Encoding": "identity", **request.as_headers()}
    url = uplink.url.rstrip("/") + DEVICES_TARGET.partition(" ")[2]
    content = bytearray()
    with httpx.stream("GET", url, headers=headers, timeout=ANSWER_S, verify=tls) as answer:
        for chunk in answer.iter_raw():
            content += chunk
            if len(content) > MAX_ANSWER_BYTES:
                break
    return answer.status_code, bytes(content)


def _told(content: bytes) -> list[tuple[str, list[tuple[str, datetime]]]] | None:
    """(serial, [(gateway, last delivery)]) of each device; None for what is no such answer."""
    try:
        return [
            (
                str(device["serial"]),
                [
                    (str(one["gateway"]), datetime.fromisoformat(one["last_seen"]).astimezone(UTC))
                    for one in device["gateways"]
                ],
            )
            for device in json.loads(content)["devices"]
        ]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _shared(
    told: list[tuple[str, list[tuple[str, datetime]]]], own: str, now: datetime
) -> Iterator[Finding]:
    for serial, gateways in told:
        others = [
            f"{name} (last at {last:%Y-%m-%dT%H:%M:%SZ})"
            for name, last in gateways
            if name != own and now - last <= SHARED_WITHIN
        ]
        if others:
            yield warn(
                Code.DEVICE_SHARED,
                f"device {serial}",
                f"is pulled by this gateway {own} and also by {' and '.join(others)}; every punch "
                "is stored once, but both load the terminal",
                "Take it out of one of the two site files",
            )
