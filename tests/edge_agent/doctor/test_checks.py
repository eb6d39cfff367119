"""Each check, good and bad: against real files, ports and servers."""

import os
import pty
import socket
import sqlite3
import threading
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from drivers.card_reader import CardReaderConfig
from drivers.contract import DeviceConfig
from drivers.zk_pull.config import ZkPullConfig
from edge_agent.doctor import machine, storage
from edge_agent.doctor.devices import address_of, check_devices, check_serial_port, check_tcp
from edge_agent.doctor.findings import Code, Severity, bad, good, verdict, warn
from edge_agent.doctor.ledger import check_parked, last_stored
from edge_agent.doctor.uplink import check_answer
from sync.tls import tls_context

TLS = tls_context(ca_file=None)
NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)


def told(finding):
    return finding.code, finding.severity


@pytest.mark.parametrize(
    ("version", "prefix", "expected"),
    [
        ((3, 11, 0), "/venv", (Code.PYTHON, Severity.OK)),
        ((3, 14, 1), "/venv", (Code.PYTHON, Severity.OK)),
        ((3, 10, 9), "/venv", (Code.PYTHON, Severity.BAD)),
        ((3, 12, 0), "/usr", (Code.NO_VENV, Severity.WARN)),
    ],
)
def test_python(version, prefix, expected):
    assert told(machine.check_python(version, prefix, "/usr")) == expected


def test_core_extra():
    assert machine.check_core_extra(("json",)).severity is Severity.OK
    missing = machine.check_core_extra(("json", "no_such_module"))
    assert told(missing) == (Code.CORE_EXTRA, Severity.WARN)
    assert "no_such_module not installed" in missing.what


@pytest.mark.parametrize(
    ("now", "last", "expected"),
    [
        (NOON, None, (Code.CLOCK_UNSET, Severity.OK)),
        (NOON, NOON - timedelta(seconds=1), (Code.CLOCK_UNSET, Severity.OK)),
        (NOON, NOON + timedelta(seconds=1), (Code.CLOCK_BEHIND_SPOOL, Severity.BAD)),
        (datetime(1970, 1, 1, 0, 5, tzinfo=UTC), None, (Code.CLOCK_UNSET, Severity.BAD)),
        (datetime(2025, 12, 31, tzinfo=UTC), NOON, (Code.CLOCK_UNSET, Severity.BAD)),
    ],
)
def test_clock(now, last, expected):
    assert told(machine.check_clock(now, last)) == expected


def test_zone_shows_its_wall_clock():
    assert machine.check_zone("Asia/Shanghai", NOON).what == (
        "it is now 2026-11-22 12:00 there (UTC+0800)"
    )


def test_state_dir(tmp_path, monkeypatch):
    (missing,) = storage.check_state_dir(tmp_path / "no")
    assert told(missing) == (Code.STATE_DIR, Severity.BAD)

    findings = list(storage.check_state_dir(tmp_path))
    assert [finding.code for finding in findings] == [
        Code.STATE_DIR,
        Code.DISK_SPACE,
        Code.FSYNC_SLOW,
    ]
    assert list(tmp_path.iterdir()) == [], "doctor leaves nothing behind"

    # Root may write everywhere, so what the kernel would answer another user is put in its mouth.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    (read_only,) = storage.check_state_dir(tmp_path)
    assert told(read_only) == (Code.STATE_DIR_READ_ONLY, Severity.BAD)


def test_little_space_and_a_slow_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "LOWEST_FREE_BYTES", 1 << 60)
    monkeypatch.setattr(storage, "SLOW_FSYNC_S", 0.0)

    _, space, fsync = storage.check_state_dir(tmp_path)

    assert told(space) == (Code.DISK_SPACE, Severity.BAD)
    assert told(fsync) == (Code.FSYNC_SLOW, Severity.WARN)


def test_spool(tmp_path):
    spool = tmp_path / "spool.db"
    assert told(storage.check_spool(spool)) == (Code.SPOOL_MISSING, Severity.WARN)

    with closing(sqlite3.connect(spool)) as database:
        database.execute(
            "CREATE TABLE t AS WITH RECURSIVE n(x) AS "
            "(VALUES(1) UNION ALL SELECT x+1 FROM n LIMIT 5000) SELECT x FROM n"
        )
        database.commit()
    assert told(storage.check_spool(spool)) == (Code.SPOOL_MISSING, Severity.OK)

    content = bytearray(spool.read_bytes())
    content[8192:12288] = os.urandom(4096)
    spool.write_bytes(content)
    assert told(storage.check_spool(spool)) == (Code.SPOOL_DAMAGED, Severity.BAD)

    spool.write_bytes(b"no database" * 100)
    assert told(storage.check_spool(spool)) == (Code.SPOOL_DAMAGED, Severity.BAD)


def test_parked_records_and_the_last_read():
    ledger = {
        "dead_letters": {"core": 2, "webhook": 1},
        "quarantined": 4,
        "devices": [
            {"last_fetch_at": "2026-11-22T04:00:00+00:00"},
            {"last_fetch_at": None},
            {"last_fetch_at": "2026-11-21T04:00:00+00:00"},
        ],
    }

    dead, quarantine = check_parked(ledger, "spool")

    assert (dead.severity, dead.what) == (
        Severity.WARN,
        "the core refused 2 records; they are kept here",
    )
    assert told(quarantine) == (Code.QUARANTINE, Severity.WARN)
    assert last_stored(ledger) == NOON
    empty = {"dead_letters": {}, "quarantined": 0, "devices": []}
    assert {finding.severity for finding in check_parked(empty, "spool")} == {Severity.OK}
    assert last_stored(empty) is None


@contextmanager
def listener(*, backlog):
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(backlog)
        yield listening.getsockname()[1]


async def test_a_device_that_accepts_and_one_that_refuses():
    with listener(backlog=1) as port:
        assert told(await check_tcp("gate", "127.0.0.1", port)) == (
            Code.DEVICE_REFUSED,
            Severity.OK,
        )
    refused = await check_tcp("gate", "127.0.0.1", port)
    assert told(refused) == (Code.DEVICE_REFUSED, Severity.BAD)
    assert refused.where == f"device gate (127.0.0.1:{port})"
    assert refused.remedy


async def test_a_device_that_never_answers(monkeypatch):
    monkeypatch.setattr("edge_agent.doctor.devices.CONNECT_S", 0.2)
    with listener(backlog=0) as port, socket.socket() as first, socket.socket() as second:
        for waiting in (first, second):  # fills the queue: the kernel drops the next SYN
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))

        assert told(await check_tcp("gate", "127.0.0.1", port)) == (
            Code.DEVICE_SILENT,
            Severity.BAD,
        )


async def test_a_name_that_does_not_resolve(monkeypatch):
    def fail(*arguments, **options):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    finding = await check_tcp("gate", "gate.plant.invalid", 4370)

    assert told(finding) == (Code.DEVICE_NAME_UNKNOWN, Severity.BAD)


async def test_devices_keep_their_order_and_are_tried_at_once(monkeypatch):
    monkeypatch.setattr("edge_agent.doctor.devices.CONNECT_S", 0.3)
    with listener(backlog=4) as port:
        devices = [
            ZkPullConfig(name="silent", host="192.0.2.1"),
            ZkPullConfig(name="good", host="127.0.0.1", port=port),
            CardReaderConfig(name="reader", kind="rdm6300", port="/dev/no-such-port"),
        ]
        findings = await check_devices(devices)

    assert [finding.where.split()[1] for finding in findings] == ["silent", "good", "reader"]
    assert [finding.severity for finding in findings] == [
        Severity.BAD,
        Severity.OK,
        Severity.BAD,
    ]


async def test_a_udp_device_is_not_tried_over_tcp():
    with listener(backlog=1) as port:
        pass  # nothing listens there any more
    (finding,) = await check_devices(
        [ZkPullConfig(name="old", host="127.0.0.1", port=port, transport="udp")]
    )
    assert finding.severity is Severity.OK
    assert "device info old" in finding.what


async def test_a_site_without_devices():
    (finding,) = await check_devices([])
    assert told(finding) == (Code.NO_DEVICES, Severity.WARN)


def test_where_a_device_is():
    assert address_of(ZkPullConfig(name="a", host="h")) == ("h", 4370)
    reader = CardReaderConfig(name="b", kind="rdm6300", port="/dev/ttyUSB0")
    assert address_of(reader) == "/dev/ttyUSB0"
    assert address_of(DeviceConfig(name="c", kind="x")) is None


def test_serial_port(tmp_path, monkeypatch):
    ends = pty.openpty()
    try:
        port = os.ttyname(ends[1])
        assert told(check_serial_port("r", port)) == (Code.SERIAL_PORT_MISSING, Severity.OK)
        monkeypatch.setattr(os, "access", lambda path, mode: False)
        assert told(check_serial_port("r", port)) == (Code.SERIAL_PORT_DENIED, Severity.BAD)
    finally:
        for end in ends:
            os.close(end)
    file = tmp_path / "ttyUSB0"
    file.touch()
    for path in (file, tmp_path / "no"):
        assert told(check_serial_port("r", str(path))) == (
            Code.SERIAL_PORT_MISSING,
            Severity.BAD,
        )


@contextmanager
def core(status):
    class Answer(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(status)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, (Code.UPLINK_UNREACHABLE, Severity.OK)),
        (401, (Code.UPLINK_UNREACHABLE, Severity.OK)),
        (503, (Code.UPLINK_FAILING, Severity.WARN)),
    ],
)
def test_the_core_answers(status, expected):
    with core(status) as url:
        assert told(check_answer(url, TLS)) == expected


def test_the_core_is_not_there_or_silent(monkeypatch):
    monkeypatch.setattr("edge_agent.doctor.uplink.ANSWER_S", 0.2)
    with listener(backlog=1) as port:
        silent = check_answer(f"http://127.0.0.1:{port}", TLS)
    assert told(silent) == (Code.UPLINK_UNREACHABLE, Severity.BAD)
    assert "no answer within" in silent.what

    refused = check_answer(f"http://127.0.0.1:{port}", TLS)
    assert told(refused) == (Code.UPLINK_UNREACHABLE, Severity.BAD)
    assert "cannot be reached" in refused.what


def test_the_worst_finding_decides():
    fine = good(Code.PYTHON, "w", "x")
    soso = warn(Code.PYTHON, "w", "x", "r")
    worst = bad(Code.PYTHON, "w", "x", "r")
    assert verdict([fine]) == 0
    assert verdict([fine, soso]) == 1
    assert verdict([soso, worst, fine]) == 2
