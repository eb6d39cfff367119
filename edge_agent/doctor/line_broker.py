"""Would the broker of a line drop counts? Its settings are nowhere to be asked for, so it is tried.

The probe is a client of its own, so the running agent is not pushed out: it subscribes under a name of
its own, goes away, has more messages sent to it than a broker keeps by default, comes back and
counts. What only a power cut would show (what is on the disk) is read from Mosquitto's own files
where the broker runs on this machine.
"""

import contextlib
import re
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Self

from drivers.broker_config import BrokerDeviceConfig
from drivers.contract import DeviceConfig
from drivers.errors import DriverError
from drivers.links.mqtt_place import BrokerPlace, password_of, trust_of
from edge_agent.doctor.findings import Code, Finding, good, warn
from sync.addresses import is_loopback

# Mosquitto keeps 1000 by default, and drops the newest above without a word.
_MESSAGES: Final = 1_050
_PROBE_S: Final = 20.0
_ANSWER_S: Final = 5.0
_QUIET_S: Final = 1.0
_TOPIC: Final = "clockline/doctor"
_PROFILE: Final = "docs/mosquitto/clockline-line.conf"
_MOSQUITTO: Final = Path("/etc/mosquitto/mosquitto.conf")
_SETTING: Final = re.compile(r"^\s*([a-z_]+)\s+(.*?)\s*$", re.MULTILINE)


class ProbeError(Exception):
    """The probe could not be made; the message says why."""


def check_line_brokers(
    devices: Sequence[DeviceConfig], *, mosquitto: Path = _MOSQUITTO
) -> Iterator[Finding]:
    """Once for each broker that a `mqtt-line` listens to. (Sparkplug is QoS 0: nothing waits.)"""
    seen: set[tuple[str, int]] = set()
    for device in devices:
        if device.kind != "mqtt-line" or not isinstance(device, BrokerDeviceConfig):
            continue
        if (device.host, device.port) in seen:
            continue
        seen.add((device.host, device.port))
        yield _tried(device)
        yield _read(device, mosquitto)


def _tried(device: BrokerDeviceConfig) -> Finding:
    place = device.place(session_expiry_s=0)
    where = f"broker {device.host}:{device.port}"
    try:
        kept = kept_messages(place)
    except ProbeError as exc:
        return good(Code.LINE_BROKER_UNKNOWN, where, f"not tried: {exc}")
    if kept < _MESSAGES:
        return warn(
            Code.LINE_BROKER_DROPS,
            where,
            f"kept {kept} of {_MESSAGES} messages for a client that was away, and accepted all of "
            "them: counts of an outage are dropped without a word",
            f"Set max_queued_messages 0 and max_queued_bytes as {_PROFILE} does",
        )
    return good(Code.LINE_BROKER_DROPS, where, f"kept all {_MESSAGES} messages of a short outage")


def _read(device: BrokerDeviceConfig, mosquitto: Path) -> Finding:
    where = f"broker {device.host}:{device.port}"
    if not is_loopback(device.host) or not mosquitto.is_file():
        return good(
            Code.LINE_BROKER_UNKNOWN,
            where,
            f"what it keeps on its disk cannot be seen from here: compare it with {_PROFILE}",
        )
    try:
        settings = read_settings(mosquitto)
    except (OSError, UnicodeDecodeError) as exc:
        return good(Code.LINE_BROKER_UNKNOWN, where, f"{mosquitto} cannot be read ({exc})")
    wrong = list(forgetful(settings))
    if wrong:
        return warn(
            Code.LINE_BROKER_FORGETS,
            f"{where} ({mosquitto})",
            f"a kill or a power cut loses what it had accepted: {'; '.join(wrong)}",
            f"Set them as {_PROFILE} does, and restart the broker",
        )
    return good(Code.LINE_BROKER_FORGETS, where, "writes to its disk what it has accepted")


def read_settings(path: Path) -> dict[str, str]:
    """Of Mosquitto's file and those that it includes; the last one counts, as Mosquitto does it."""
    settings: dict[str, str] = {}
    for name, value in _SETTING.findall(path.read_text(encoding="utf-8")):
        if name == "include_dir":
            for part in sorted(Path(value).glob("*.conf")):
                settings |= dict(_SETTING.findall(part.read_text(encoding="utf-8")))
        else:
            settings[name] = value
    return settings


def forgetful(settings: dict[str, str]) -> Iterator[str]:
    """What Mosquitto's defaults, or these settings, would lose."""
    if settings.get("persistence", "false") != "true":
        yield "persistence is not true"
        return
    interval = settings.get("autosave_interval", "1800")
    if interval == "0" or not interval.isdecimal() or int(interval) > _LONGEST_AUTOSAVE:
        yield f"autosave_interval is {interval}"


_LONGEST_AUTOSAVE: Final = 10


def kept_messages(place: BrokerPlace) -> int:
    """How many of the probe's messages the broker had for a client that was away. Raises ProbeError."""
    name = f"clockline-doctor-{secrets.token_hex(4)}"
    topic = f"{_TOPIC}/{name}"
    try:
        with _Client(place, name) as away:
            away.subscribe(topic)
        with _Client(place, f"{name}-says") as says:
            says.publish(topic, _MESSAGES)
        with _Client(place, name) as back:
            kept = back.count()
        with _Client(place, name, clean=True):  # forgets the session and what is left of it
            return kept
    except (OSError, DriverError) as exc:
        raise ProbeError(str(exc)) from exc


class _Client:
    """A plain client with a thread of its own, for as long as the `with` lasts."""

    def __init__(self, place: BrokerPlace, name: str, *, clean: bool = False) -> None:
        import paho.mqtt.client as paho  # noqa: PLC0415 - costs memory; only with a broker
        from paho.mqtt.enums import CallbackAPIVersion  # noqa: PLC0415 - as above

        self._place = place
        self._ready = threading.Event()
        self._refused: str | None = None
        self._heard = 0
        self._last = 0.0
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, name, clean_session=clean, reconnect_on_failure=False
        )
        self._client.max_inflight_messages_set(100)
        if place.user is not None:
            self._client.username_pw_set(place.user, password_of(place))
        if place.tls:
            self._client.tls_set_context(trust_of(place))
        self._client.connect_timeout = _ANSWER_S
        self._client.on_connect = self._connected
        self._client.on_subscribe = self._subscribed
        self._client.on_message = self._message

    def __enter__(self) -> Self:
        self._client.connect(self._place.host, self._place.port)
        self._client.loop_start()
        try:
            self._answer("it does not answer")
        except ProbeError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def subscribe(self, topic: str) -> None:
        self._ready.clear()
        self._client.subscribe(topic, qos=1)
        self._answer("it did not confirm a subscription")

    def publish(self, topic: str, messages: int) -> None:
        ends = time.monotonic() + _PROBE_S
        sent = [self._client.publish(topic, b"%d" % number, qos=1) for number in range(messages)]
        for info in sent:
            with contextlib.suppress(RuntimeError, ValueError):
                info.wait_for_publish(max(0.0, ends - time.monotonic()))
            if not info.is_published():
                raise ProbeError(f"it did not accept {messages} messages within {_PROBE_S:g} s")

    def count(self) -> int:
        """Until nothing came for a while."""
        ends = time.monotonic() + _PROBE_S
        self._last = time.monotonic()
        while self._heard < _MESSAGES and time.monotonic() < ends:
            if time.monotonic() - self._last > _QUIET_S:
                break
            self._ready.wait(0.05)
            self._ready.clear()
        return self._heard

    def _answer(self, problem: str) -> None:
        if not self._ready.wait(_ANSWER_S):
            raise ProbeError(problem)
        if self._refused is not None:
            raise ProbeError(self._refused)

    def _connected(
        self, _client: object, _data: object, _flags: object, reason: object, _p: object
    ) -> None:
        if getattr(reason, "is_failure", False):
            self._refused = f"it does not let the probe in ({reason})"
        self._ready.set()

    def _subscribed(
        self, _client: object, _data: object, _mid: int, reasons: Sequence[object], _p: object
    ) -> None:
        if any(getattr(reason, "is_failure", False) for reason in reasons):
            self._refused = f"its ACL does not let the probe use {_TOPIC}/#"
        self._ready.set()

    def _message(self, _client: object, _data: object, _message: object) -> None:
        self._heard += 1
        self._last = time.monotonic()
        self._ready.set()
