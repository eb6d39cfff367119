"""Doctor about the gateway's key: missing, foreign, readable by others, refused by the core."""

from datetime import UTC, datetime, timedelta

import pytest

from edge_agent.config.loading import load_config
from edge_agent.doctor.findings import Code, Severity
from edge_agent.doctor.identity import check_identity, check_private
from edge_agent.doctor.uplink import check_uplink
from tests.edge_agent.enrolment.served_core import (
    Authority,
    ServedCore,
    edge,
    site_file,
    tls_front,
)


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    with ServedCore(tmp_path_factory.mktemp("core")).served() as served:
        yield served


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


def examined(site, now=None):
    found = check_identity(load_config(site), now or datetime.now(UTC))
    return {finding.code: finding for finding in found}


def severities(site, now=None):
    return {code: finding.severity for code, finding in examined(site, now).items()}


def test_from_nothing_to_revoked(tmp_path, core):
    site = site_file(tmp_path, gateway="doc-1", url=core.url)
    missing = examined(site)[Code.NOT_ENROLLED]
    assert missing.severity is Severity.BAD
    assert "hr-core token doc-1" in missing.remedy

    edge(site, "enroll", core.token("doc-1"))
    assert severities(site) == {
        Code.EXPOSED: Severity.OK, Code.NOT_ENROLLED: Severity.OK, Code.KEY_REFUSED: Severity.OK,
    }  # fmt: skip

    core.run("gateway", "revoke", "doc-1", "--reason", "sold", "--from", "2999-01-01")
    ordered = examined(site)[Code.KEY_REFUSED]
    assert ordered.severity is Severity.WARN
    assert "2999-01-01" in ordered.what

    core.run("gateway", "revoke", "doc-1", "--reason", "sold")
    revoked = examined(site)[Code.KEY_REFUSED]
    assert revoked.severity is Severity.BAD
    assert "key_revoked" in revoked.what
    assert "--again" in revoked.remedy


def test_another_core_and_one_that_forgot(tmp_path, core, tmp_path_factory):
    site = site_file(tmp_path, gateway="doc-2", url=core.url)
    edge(site, "enroll", core.token("doc-2"))
    with ServedCore(tmp_path_factory.mktemp("other")).served() as other:
        site_file(tmp_path, gateway="doc-2", url=other.url)
        assert examined(site)[Code.KEY_REFUSED].severity is Severity.BAD
    site_file(tmp_path, gateway="doc-2", url=core.url)
    import contextlib
    import sqlite3

    with contextlib.closing(sqlite3.connect(core.database)) as connection, connection:
        connection.execute("DELETE FROM gateway_keys WHERE gateway = 'doc-2'")
    forgotten = examined(site)[Code.KEY_REFUSED]
    assert "does not know the key" in forgotten.what


def test_the_identity_of_another_gateway(tmp_path, core):
    site = site_file(tmp_path, gateway="doc-3", url=core.url)
    edge(site, "enroll", core.token("doc-3"))
    site_file(tmp_path, gateway="doc-4", url=core.url)
    foreign = examined(site)[Code.IDENTITY_UNUSABLE]
    assert foreign.severity is Severity.BAD
    assert "doc-3" in foreign.what
    assert "doc-4" in foreign.what


def test_a_clock_that_differs_from_the_core_s(tmp_path, core):
    site = site_file(tmp_path, gateway="doc-5", url=core.url)
    edge(site, "enroll", core.token("doc-5"))
    off = severities(site, datetime.now(UTC) + timedelta(hours=1))
    assert off[Code.CLOCK_OFF] is Severity.WARN


@pytest.mark.parametrize(
    ("folder_mode", "file_mode", "severity"),
    [
        (0o700, 0o600, Severity.OK),
        (0o700, 0o644, Severity.OK),  # nobody else gets that far
        (0o755, 0o600, Severity.OK),
        (0o755, 0o644, Severity.BAD),
        (0o750, 0o640, Severity.BAD),
    ],
)
def test_who_can_read_the_punches(tmp_path, folder_mode, file_mode, severity):
    site = load_config(site_file(tmp_path))
    for name in ("spool.db", "spool.db-wal"):
        (tmp_path / "state" / name).write_bytes(b"")
        (tmp_path / "state" / name).chmod(file_mode)
    (tmp_path / "state").chmod(folder_mode)
    finding = check_private(site)
    assert finding.severity is severity
    assert severity is Severity.OK or "spool.db-wal" in finding.what


def test_who_can_read_the_key(tmp_path):
    site = load_config(site_file(tmp_path))
    folder = tmp_path / "state" / "identity"
    folder.mkdir(mode=0o755)
    (folder / "identity.json").write_text("{}")
    (tmp_path / "state").chmod(0o755)
    folder.chmod(0o755)
    finding = check_private(site)
    assert finding.severity is Severity.BAD
    assert "identity.json" in finding.what
    folder.chmod(0o700)
    assert check_private(site).severity is Severity.OK


def test_the_certificate(tmp_path, core, authority):
    certificate, key = authority.certificate("doctor", days=30)
    with tls_front(certificate, key, core.port) as url:
        more = f'ca_file = "{authority.ca}"\n'
        site = site_file(tmp_path, gateway="doc-tls", url=url, more=more)
        edge(site, "enroll", core.token("doc-tls"))
        assert severities(site)[Code.CERTIFICATE] is Severity.OK
        late = datetime.now(UTC) + timedelta(days=20)
        assert severities(site, late)[Code.CERTIFICATE] is Severity.WARN

        site_file(tmp_path, gateway="doc-tls", url=url)  # its CA is unknown now
        (unreachable,) = check_uplink(load_config(site))
        assert (unreachable.code, unreachable.severity) == (Code.UPLINK_UNREACHABLE, Severity.BAD)
        assert Code.CERTIFICATE not in severities(site)


def test_no_uplink(tmp_path):
    site = load_config(site_file(tmp_path))
    assert [finding.code for finding in check_uplink(site)] == [Code.NO_UPLINK]
    assert list(examined(site_file(tmp_path))) == [Code.EXPOSED]
