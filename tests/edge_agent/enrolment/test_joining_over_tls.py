"""Joining over HTTPS: trust is checked always, by the public CAs, a private one, both ways."""

import pytest

from edge_agent.config.loading import load_config
from edge_agent.config.problems import ConfigError
from edge_agent.enrolment.identity import load_identity
from sync.tls import TlsFileError, tls_context
from tests.edge_agent.enrolment.served_core import (
    Authority,
    edge,
    edge_process,
    site_file,
    tls_front,
)


@pytest.fixture(scope="module")
def server(authority):
    return authority.certificate("server")


@pytest.fixture(scope="module")
def front(core, server):
    with tls_front(*server, core.port) as url:
        yield url


def test_a_private_ca_by_the_site_file(tmp_path, core, front, authority):
    site = site_file(tmp_path, gateway="tls-ca", url=front, more=f'ca_file = "{authority.ca}"\n')
    edge(site, "enroll", core.token("tls-ca"))
    edge(site, "enroll", "--rotate")
    good, _ = core.keys("tls-ca")
    assert load_identity(load_config(site)).key.public.hex() == good[-1]


def test_a_private_ca_by_the_environment_in_a_process_of_its_own(tmp_path, core, front, authority):
    site = site_file(tmp_path, gateway="tls-env", url=front)
    env = {"SSL_CERT_FILE": str(authority.ca)}
    done = edge_process(site, "enroll", "-", stdin=core.token("tls-env"), env=env)
    assert done[0] == 0, done


def untrusted(site, core, gateway):
    _, err = edge(site, "enroll", core.token(gateway), code=2)
    assert "its certificate is not trusted" in err
    assert "clock" in err
    assert core.keys(gateway) == ([], []), "nothing was sent"
    return err


def test_an_unknown_ca(tmp_path, core, front):
    untrusted(site_file(tmp_path, gateway="tls-no", url=front), core, "tls-no")


def test_another_ca_than_the_site_file_s(tmp_path, core, front):
    other = Authority(tmp_path / "other-ca")
    more = f'ca_file = "{other.ca}"\n'
    untrusted(site_file(tmp_path, gateway="tls-other", url=front, more=more), core, "tls-other")


def test_another_name_and_an_expired_certificate(tmp_path, core, authority):
    more = f'ca_file = "{authority.ca}"\n'
    named = authority.certificate("elsewhere", subject_alt="DNS:elsewhere.example")
    expired = authority.certificate("expired", days=-1)
    for name, certificate, what in (
        ("tls-name", named, "IP address mismatch"),
        ("tls-old", expired, "expired"),
    ):
        with tls_front(*certificate, core.port) as url:
            err = untrusted(
                site_file(tmp_path / name, gateway=name, url=url, more=more), core, name
            )
        assert what in err


def test_a_client_certificate(tmp_path, core, authority, server):
    cert, key = authority.certificate("gateway")
    ca = f'ca_file = "{authority.ca}"\n'
    with tls_front(*server, core.port, client_ca=authority.ca) as url:
        without = site_file(tmp_path / "a", gateway="tls-mutual", url=url, more=ca)
        _, err = edge(without, "enroll", core.token("tls-mutual"), code=2)
        assert "cannot be reached" in err
        more = f'{ca}client_cert = "{cert}"\nclient_key = "{key}"\n'
        site = site_file(tmp_path / "b", gateway="tls-mutual", url=url, more=more)
        edge(site, "enroll", core.token("tls-mutual"))

        both = tmp_path / "both.pem"
        both.write_bytes(cert.read_bytes() + key.read_bytes())
        more = f'{ca}client_cert = "{both}"\n'
        site = site_file(tmp_path / "c", gateway="tls-both", url=url, more=more)
        edge(site, "enroll", core.token("tls-both"))


def test_plain_http_beyond_this_machine(tmp_path, core):
    site = site_file(tmp_path, gateway="tls-plain")
    token = core.token("tls-plain", "--url", "http://core.example.com")
    for words in (["enroll", token], ["enroll", token, "--url", "http://10.0.0.1:8460"]):
        _, err = edge(site, *words, code=2)
        assert "in clear text" in err
    site_file(tmp_path, gateway="tls-plain", url="http://10.0.0.1")
    with pytest.raises(ConfigError, match="in clear text"):
        load_config(site)


def test_files_that_are_none(tmp_path, authority):
    (tmp_path / "rubbish").write_text("no pem")
    with pytest.raises(TlsFileError, match="rubbish"):
        tls_context(ca_file=tmp_path / "rubbish")
    with pytest.raises(TlsFileError, match="no-such"):
        tls_context(ca_file=tmp_path / "no-such")
    with pytest.raises(TlsFileError, match="unencrypted key"):
        tls_context(ca_file=authority.ca, client_cert=authority.ca)


def test_verification_cannot_be_turned_off(authority):
    import ssl

    for ca in (None, authority.ca):
        context = tls_context(ca_file=ca)
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
