"""CSV files in a folder, and on asyncssh's own SFTP server."""

import contextlib
import csv
import os
from datetime import datetime

import asyncssh
import pytest

from protocols.records import Direction
from sync.exporters import csv_drop
from sync.exporters.csv_drop import CsvExporter
from sync.exporters.csv_form import COLUMNS, CsvForm, files_of
from sync.exporters.errors import ExportRefusedError, ExportUnreachableError
from sync.exporters.sftp_drop import SftpExporter, SftpSettings
from tests.sync.exporters.export_doubles import (
    ACCEPTED,
    ExportOutboxDouble,
    batch_of,
    came,
    left,
    loop_over,
    verdicts_of,
)
from tests.sync.uplink_doubles import listening

NAME = "hr_2026-11-21_000000000001-000000000002.csv"


def rows_in(path, encoding="utf-8-sig", delimiter=","):
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


async def test_a_file_of_documented_columns(tmp_path):
    exporter = CsvExporter(tmp_path, CsvForm())
    assert await verdicts_of(exporter, came(0), left(1, card="12")) == [ACCEPTED] * 2
    [path] = tmp_path.iterdir()
    assert path.name == NAME
    assert path.read_bytes().startswith(b"\xef\xbb\xbfevent_id,device,")
    assert path.stat().st_mode & 0o007 == 0
    first, second = rows_in(path)
    assert tuple(first) == COLUMNS
    assert first == {
        "event_id": came(0).event_id,
        "device": "gate",
        "serial": "ZK0001",
        "user_id": "1007",
        "device_time": "2026-11-21 08:00:00",
        "zone": "Asia/Shanghai",
        "utc": "2026-11-21T00:00:00Z",
        "direction": "IN",
        "state": "0",
        "method": "unknown",
        "work_code": "",
        "flags": "",
    }
    assert second["direction"] == "OUT"


@pytest.mark.parametrize(
    ("encoding", "start"),
    [("utf-8", b"event_id"), ("utf-8-sig", b"\xef\xbb\xbf"), ("gbk", b"event_id")],
)
def test_encodings_and_delimiters(encoding, start):
    form = CsvForm(encoding=encoding, delimiter=";", with_card=True, with_raw=True)
    [file] = files_of(batch_of(came(card="77"), names={"ZK0001": "大门"}), form)
    assert file.content.startswith(start)
    text = file.content.decode(encoding)
    assert ";大门;" in text
    assert text.splitlines()[1].endswith(";77;00ff00000000")


def test_what_gbk_lacks_is_a_question_mark_in_a_row_that_keeps_its_id():
    form = CsvForm(encoding="gbk")
    [file] = files_of(batch_of(came(), names={"ZK0001": "🚪"}), form)
    assert f"{came().event_id},?,ZK0001".encode() in file.content


def test_no_cell_is_a_formula():
    [file] = files_of(batch_of(came(user="=1+1")), CsvForm())
    assert ",'=1+1," in file.content.decode()


def test_a_file_for_each_day_and_the_same_for_the_same_batch():
    batch = batch_of(came(at=datetime(2026, 11, 20, 23)), came(at=datetime(2026, 11, 21, 1)))
    files = files_of(batch, CsvForm())
    assert [file.name for file in files] == [NAME.replace("21", "20"), NAME]
    assert files == files_of(batch, CsvForm())


async def test_nothing_half_written_ever_has_the_name(tmp_path, monkeypatch):
    order = []
    real = os.fsync
    monkeypatch.setattr(
        os,
        "fsync",
        lambda fd: (order.append(sorted(one.name for one in tmp_path.iterdir())), real(fd))[1],
    )
    await verdicts_of(CsvExporter(tmp_path, CsvForm()), came(0), left(1))
    assert order == [[f".{NAME}.part"], [NAME]]  # the bytes before the rename, the folder after


async def test_a_crash_before_settling_leaves_one_file(tmp_path):
    outbox = ExportOutboxDouble(came(number) for number in range(4))
    exporter = CsvExporter(tmp_path, CsvForm())
    batch = await outbox.next_batch("hr", limit=100)
    half = tmp_path / ".hr_2026-11-21_000000000001-000000000004.csv.part"
    half.write_bytes(b"torn")
    await exporter.deliver(batch_of(*batch.observations), lambda verdict: None)
    loop = loop_over(outbox, exporter)
    assert await loop.drain_once() == 4
    [path] = tmp_path.iterdir()
    assert len(rows_in(path)) == 4


async def test_a_folder_that_refuses(tmp_path, monkeypatch):
    gone = CsvExporter(tmp_path / "gone", CsvForm())
    for attempt in (verdicts_of(gone, came()), gone.check()):
        with pytest.raises(ExportRefusedError) as caught:
            await attempt
        assert caught.value.code == "folder_refused"

    def full(folder, file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(csv_drop, "write_durably", full)
    with pytest.raises(ExportRefusedError, match="No space left"):
        await verdicts_of(CsvExporter(tmp_path, CsvForm()), came())


async def test_check_and_preview_leave_the_folder_as_it_was(tmp_path):
    exporter = CsvExporter(tmp_path, CsvForm())
    assert str(tmp_path) in await exporter.check()
    lines = exporter.preview(batch_of(came(direction=Direction.UNKNOWN)))
    assert lines[0].startswith("hr_2026-11-21_")
    assert "1007" in lines[2]
    assert list(tmp_path.iterdir()) == []


class _Users(asyncssh.SSHServer):
    def password_auth_supported(self):
        return True

    def validate_password(self, username, password):
        return (username, password) == ("punches", "right")


class SftpServer:
    def __init__(self, root, folder, port, host_key):
        self.root, self.folder, self.port, self.host_key = root, folder, port, host_key
        self.known_hosts = root / "known_hosts"
        public = host_key.export_public_key().decode().strip()
        self.known_hosts.write_text(f"[127.0.0.1]:{port} {public}\n")
        self.known_hosts.chmod(0o600)

    def exporter(self, **changes):
        fields = {
            "host": "127.0.0.1",
            "port": self.port,
            "user": "punches",
            "password": "right",
            "folder": "/drop",
            "known_hosts": self.known_hosts,
            "timeout_s": 5.0,
        }
        return SftpExporter(SftpSettings(**fields | changes), CsvForm())


@contextlib.asynccontextmanager
async def sftp_server(root, files=asyncssh.SFTPServer):
    folder = root / "chroot" / "drop"
    folder.mkdir(parents=True)
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[host_key],
        server_factory=_Users,
        sftp_factory=lambda channel: files(channel, chroot=str(root / "chroot")),
    )
    async with server:
        yield SftpServer(root, folder, server.get_port(), host_key)


async def test_a_file_is_uploaded_and_then_renamed(tmp_path):
    seen = []

    class Watched(asyncssh.SFTPServer):
        def posix_rename(self, oldpath, newpath):
            seen.append((oldpath, newpath))
            return super().posix_rename(oldpath, newpath)

    async with sftp_server(tmp_path, Watched) as server:
        assert await verdicts_of(server.exporter(), came(0), left(1)) == [ACCEPTED] * 2
        [path] = server.folder.iterdir()
        assert path.name == NAME
        assert len(rows_in(path)) == 2
        assert seen == [(f"/drop/{NAME}.part".encode(), f"/drop/{NAME}".encode())]
        # The answer was lost: the same file takes its own place.
        assert await verdicts_of(server.exporter(), came(0), left(1)) == [ACCEPTED] * 2
        assert [one.name for one in server.folder.iterdir()] == [NAME]


async def test_an_impostor_gets_nothing(tmp_path):
    async with sftp_server(tmp_path) as server:
        other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
        server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {other}\n")
        with pytest.raises(ExportRefusedError) as caught:
            await verdicts_of(server.exporter(), came())
        assert caught.value.code == "host_key_refused"
        assert list(server.folder.iterdir()) == []
        assert await verdicts_of(server.exporter(known_hosts=None), came()) == [ACCEPTED]


async def test_refusals_of_the_server(tmp_path):
    async with sftp_server(tmp_path) as server:
        for changes, code in [
            ({"password": "wrong"}, "credentials_refused"),
            ({"folder": "/nowhere"}, "folder_refused"),
            ({"password": None, "key_file": tmp_path / "gone"}, "secret_unreadable"),
        ]:
            with pytest.raises(ExportRefusedError) as caught:
                await server.exporter(**changes).check()
            assert caught.value.code == code
        assert "/drop" in await server.exporter().check()
        assert list(server.folder.iterdir()) == []


async def test_a_server_that_is_gone_or_hangs(tmp_path):
    async with sftp_server(tmp_path) as server:
        pass
    with pytest.raises(ExportUnreachableError) as caught:
        await verdicts_of(server.exporter(), came())
    assert caught.value.code == "export_unreachable"

    async def silent(reader, writer):
        await reader.read()

    async with listening(silent) as port:
        with pytest.raises(ExportUnreachableError):
            await verdicts_of(server.exporter(port=port, timeout_s=0.3), came())
