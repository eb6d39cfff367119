"""N6: a gateway speaks TLS 1.2 or newer with its core, whatever the other side would take."""

import contextlib
import socket
import ssl
import threading
import warnings

import pytest

from hr_core.api.broker import open_broker
from sync.tls import tls_context
from tests.edge_agent.enrolment.served_core import Authority

OLD = ssl.TLSVersion.TLSv1_1
WEAK = "ALL:@SECLEVEL=0"  # OpenSSL itself would refuse the old versions otherwise


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@contextlib.contextmanager
def server(authority, version, *, suites=None):
    """Speaks this version of TLS alone, and of TLS 1.2 only these suites; yields its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.certificate("core"))
    _only(context, version)
    if suites is not None:
        context.set_ciphers(suites)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_answer, args=(listener, context))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            thread.join()


def _answer(listener, context):
    listener.settimeout(5)
    with contextlib.suppress(OSError):
        connection, _ = listener.accept()
        with connection, context.wrap_socket(connection, server_side=True) as secured:
            secured.sendall(b"here")


def _only(context, version):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the old version is the subject
        context.minimum_version = context.maximum_version = version
    if version is OLD:
        context.set_ciphers(WEAK)


def talk(context, port):
    """(version, bits of the cipher)"""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as connection,
        context.wrap_socket(connection, server_hostname="127.0.0.1") as secured,
    ):
        assert secured.recv(4) == b"here"
        return secured.version(), secured.cipher()[2]


@pytest.mark.parametrize(
    ("version", "spoken"),
    [(ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")],
)
def test_tls_1_2_and_1_3_are_spoken_with_256_bits(authority, version, spoken):
    with server(authority, version) as port:
        assert talk(tls_context(ca_file=authority.ca), port) == (spoken, 256)


SMALL = "ECDHE+AESGCM+AES128"


def test_tls_1_2_with_128_bits_is_refused(authority):
    tls = ssl.TLSVersion.TLSv1_2
    with server(authority, tls, suites=SMALL) as port, pytest.raises(ssl.SSLError):
        talk(tls_context(ca_file=authority.ca), port)
    # Not the library's own doing: a careless client gets through to the same server.
    careless = ssl.create_default_context(cafile=authority.ca)
    with server(authority, tls, suites=SMALL) as port:
        assert talk(careless, port) == ("TLSv1.2", 128)


def test_no_suite_of_tls_1_2_has_fewer_than_256_bits_also_to_the_broker(authority):
    broker = open_broker("mqtts://broker.example:8883", None)
    for context in (tls_context(ca_file=authority.ca), tls_context(ca_file=None), broker.tls):
        told = [one for one in context.get_ciphers() if one["protocol"] == "TLSv1.2"]
        assert {one["strength_bits"] for one in told} == {256}


def test_older_tls_is_refused(authority):
    with server(authority, OLD) as port, pytest.raises(ssl.SSLError):
        talk(tls_context(ca_file=authority.ca), port)
    # Not the library's own doing: a careless client gets through to the same server.
    careless = ssl.create_default_context(cafile=authority.ca)
    _only(careless, OLD)
    with server(authority, OLD) as port:
        assert talk(careless, port)[0] == "TLSv1.1"


def test_the_least_version_is_set_with_and_without_a_ca_of_ones_own(authority):
    assert tls_context(ca_file=authority.ca).minimum_version >= ssl.TLSVersion.TLSv1_2
    assert tls_context(ca_file=None).minimum_version >= ssl.TLSVersion.TLSv1_2
