"""A real Mosquitto with the profile that we ship, on a free loopback port, under a throw-away CA."""

import asyncio
import contextlib
import os
import re
import shutil
import ssl
import subprocess
from pathlib import Path

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from hr_core.api.broker import Broker as CoresBroker
from hr_core.api.gateway_api import GatewayApi
from hr_core.api.mqtt import CLIENT_ID, MqttConsumer
from protocols.mqtt_uplink import broker_address
from sync.broker_session import BrokerSession, Credentials
from sync.mqtt import MqttTransport
from tests.free_ports import free_port
from tests.hr_core.ingest.batch_samples import GATEWAY
from tests.hr_core.signed_batches import CORE_KEY
from tests.sync.uplink_doubles import IDENTITY

PROFILE = Path(__file__).parents[2] / "docs" / "mosquitto"
OTHER = "gate-2"


def certificates(folder):
    """ca.crt, broker.crt and broker.key (for 127.0.0.1) in `folder`."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]

    def openssl(*words):
        subprocess.run(["openssl", "req", "-x509", *key, *words], check=True, capture_output=True)

    openssl("-keyout", folder / "ca.key", "-out", folder / "ca.crt", "-subj", "/CN=test CA")
    openssl(
        "-keyout", folder / "broker.key", "-out", folder / "broker.crt", "-subj", "/CN=broker",
        "-CA", folder / "ca.crt", "-CAkey", folder / "ca.key",
        "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE",
    )  # fmt: skip


class Mosquitto:
    """`changes` replace lines of the shipped profile, by the name of the setting."""

    def __init__(self, folder, users=(GATEWAY, OTHER, CLIENT_ID), **changes):
        self.folder = folder
        self.port = free_port()
        self.url = f"mqtts://127.0.0.1:{self.port}"
        self._process = None
        certificates(folder)
        self.ca = folder / "ca.crt"
        self.password_files = {user: folder / f"{user}.secret" for user in users}
        passwords = folder / "clockline.passwords"
        passwords.touch(0o600)
        for user, file in self.password_files.items():
            file.write_text(f"secret of {user}\n")
            words = ["mosquitto_passwd", "-b", passwords, user, f"secret of {user}"]
            subprocess.run(words, check=True, capture_output=True)
        shutil.copy(PROFILE / "clockline.acl", folder)
        (folder / "data").mkdir()
        text = (PROFILE / "clockline.conf").read_text()
        text = text.replace("listener 8883", f"listener {self.port} 127.0.0.1")
        text = text.replace("/etc/mosquitto/certs/", f"{folder}/")
        text = text.replace("/etc/mosquitto/", f"{folder}/")
        text = text.replace("/var/lib/mosquitto/", f"{folder}/data/")
        for name, value in changes.items():
            text, found = re.subn(rf"(?m)^{name} .*$", f"{name} {value}", text)
            assert found == 1, name
        if os.getuid() == 0:  # it would give up its rights, and with them the test's folder
            text += "\nuser root\n"
        (folder / "broker.conf").write_text(text)

    async def start(self):
        with (self.folder / "broker.log").open("ab") as log:
            command = ["mosquitto", "-c", self.folder / "broker.conf"]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: ASYNC220 - killed from sync code
        async with asyncio.timeout(5):
            while True:
                assert self._process.poll() is None, self.log()
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    writer.close()
                    return
                await asyncio.sleep(0.02)

    def kill(self):
        """As the power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def log(self):
        return (self.folder / "broker.log").read_text()

    def tls(self):
        return ssl.create_default_context(cafile=self.ca)

    def password(self, user):
        return self.password_files[user].read_text().strip()

    def who(self, user=GATEWAY):
        return Credentials(user=user, password=self.password(user), tls=self.tls())

    @contextlib.asynccontextmanager
    async def transport(self, identity=IDENTITY, *, user=None, timeout_s=5.0):
        transport = MqttTransport(
            self.url, identity, timeout_s=timeout_s, who=self.who(user or identity.gateway)
        )
        try:
            yield transport
        finally:
            await transport.aclose()

    @contextlib.asynccontextmanager
    async def session(self, user):
        """A client that can publish and hear what it likes, as far as the ACL lets it."""
        address = broker_address(self.url)
        session = BrokerSession(address, self.who(user), timeout_s=5)
        await session.__aenter__()
        try:
            yield session
        finally:
            await session.close()

    @contextlib.asynccontextmanager
    async def core(self, engine, clock):
        """A consumer in this process; `take` of its receiver can be replaced."""
        gateways = GatewayApi.over(engine, now=clock.now, core_key=CORE_KEY)
        async with MqttConsumer(self.as_core(), gateways) as consumer:
            await self.heard(consumer)
            yield consumer

    def as_core(self):
        return CoresBroker(
            address=broker_address(self.url), password=self.password(CLIENT_ID), tls=self.tls()
        )

    async def heard(self, consumer, count=1):
        """Waits until the consumer has subscribed for the `count`th time."""
        async with asyncio.timeout(10):
            while consumer.subscriptions < count:
                await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def mosquitto(folder, **changes):
    broker = Mosquitto(folder, **changes)
    await broker.start()
    try:
        yield broker
    finally:
        broker.kill()


def properties(correlation=b"1", answers=None, **users):
    found = Properties(PacketTypes.PUBLISH)
    found.CorrelationData = correlation
    if answers is not None:
        found.ResponseTopic = answers
    found.ContentType = "application/json"
    found.UserProperty = [(name.replace("_", "-"), value) for name, value in users.items()]
    return found
