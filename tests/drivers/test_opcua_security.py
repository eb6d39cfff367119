"""The OPC UA driver with certificates and users, against a server that asks for them."""

import asyncio
import subprocess

import pytest
import pytest_asyncio
from asyncua import Server, ua
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.user_managers import UserManager

from drivers.contract import DriverContext
from drivers.errors import DriverError
from drivers.opcua_counter import OpcuaCounterConfig, OpcuaCounterDriver
from edge_agent.system_clock import SystemClock
from tests.free_ports import free_port

# A server takes seconds to start: one for all tests.
pytestmark = pytest.mark.asyncio(loop_scope="module")
URI = "urn:clockline:edge-agent"


class OneUser(UserManager):
    def get_user(self, iserver, username=None, password=None, certificate=None):
        known = (username, password) == ("clockline", "s3cret")
        return User(role=UserRole.User) if known else None


def certificate(folder, name, uri):
    key, made = folder / f"{name}.key", folder / f"{name}.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-keyout", key, "-out", made, "-subj", f"/CN={name}",
         "-addext", f"subjectAltName=URI:{uri},DNS:localhost",
         "-addext", "keyUsage=digitalSignature,keyEncipherment,dataEncipherment,nonRepudiation",
         "-addext", "extendedKeyUsage=serverAuth,clientAuth"],
        check=True, capture_output=True,
    )  # fmt: skip
    return made, key


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("opcua")
    server_uri = "urn:test:server"
    return {
        "server": certificate(folder, "server", server_uri),
        "gateway": certificate(folder, "gateway", URI),
        "other": certificate(folder, "other", server_uri),
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url(files):
    server = Server(user_manager=OneUser())
    await server.init()
    await server.set_application_uri("urn:test:server")
    url = f"opc.tcp://127.0.0.1:{free_port()}"
    server.set_endpoint(url)
    server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
    made, key = files["server"]
    await server.load_certificate(made)
    await server.load_private_key(key, format="pem")
    index = await server.register_namespace("urn:test")
    await server.nodes.objects.add_variable(ua.NodeId("Pieces", index), "Pieces", 7)
    await server.start()
    yield url
    await server.stop()


async def first_value(url, files, **changes):
    made, key = files["gateway"]
    table = {
        "name": "x", "kind": "opcua-counter", "url": url, "timeout_s": 5, "publishing_s": 0.05,
        "security": "sign_and_encrypt", "certificate": made, "private_key": key,
        "username": "clockline", "password": "s3cret",
        "counters": [{"tag": "a", "pieces": "ns=2;s=Pieces"}],
    }  # fmt: skip
    config = OpcuaCounterConfig.model_validate(table | changes)
    driver = OpcuaCounterDriver(config, DriverContext(clock=SystemClock(), zone="UTC"))
    deliveries = driver.live()
    try:
        async with asyncio.timeout(20):
            (count,) = (await anext(deliveries)).records
        return count.value
    finally:
        await deliveries.aclose()
        await driver.aclose()


async def test_with_certificates_and_a_user(url, files) -> None:
    assert await first_value(url, files) == 7
    assert await first_value(url, files, server_certificate=files["server"][0]) == 7


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"password": "wrong"}, {"login_refused"}),
        ({"security": "none"}, {"certificate_refused", "opcua_status", "not_opcua"}),
        ({"certificate": "/no/such/file.pem"}, {"certificate_unreadable"}),
        ({"private_key": "/etc/hostname"}, {"certificate_unreadable"}),
    ],
)
async def test_what_is_refused_says_who_must_act(url, files, changes, codes) -> None:
    with pytest.raises(DriverError) as caught:
        await first_value(url, files, **changes)
    assert caught.value.code in codes
    assert "s3cret" not in str(caught.value)


async def test_another_server_than_the_trusted_one_is_not_believed(url, files) -> None:
    with pytest.raises(DriverError):
        await first_value(url, files, server_certificate=files["other"][0])
