"""The runner: lines, summary, exit codes, gzip."""

import gzip
import io
import json
from contextlib import redirect_stdout

import pytest

from edge_agent.decoding import KINDS, Summary, decode_files
from edge_agent.decoding.input_file import read_input
from edge_agent.decoding.kinds import load_decoder
from edge_agent.decoding.unreadable import UnreadableError
from tests.edge_agent.decoding.captures import file_rows

GOOD = b"        9\t2016-11-15 07:07:29\t1\t255\t1\t0\r\n"
LATER = b"        9\t2016-11-15 18:00:00\t1\t255\t1\t0\r\n"
BAD = b"        9\t1971--10--29 -23:-59:-53\t1\t0\t1\t0\r\n"


@pytest.fixture
def export(tmp_path):
    def write(content: bytes, name: str = "1_attlog.dat"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_has_a_decoder(kind):
    assert callable(load_decoder(kind))


def test_rows_then_the_summary(export):
    rows, summary, code = file_rows("zk-dat", export(GOOD + BAD + LATER + GOOD))
    assert [row["kind"] for row in rows] == ["punch", "quarantined", "punch", "punch"]
    assert summary == {"records": 3, "quarantined": 1, "repeats": 1}
    assert code == 1


def test_all_decoded_is_zero_and_several_files_share_a_summary(export):
    lines = []
    paths = [export(GOOD, "1.dat"), export(GOOD * 2, "2.dat")]
    assert decode_files("zk-dat", paths, out=lines.append) == 0
    assert json.loads(lines[-1]) == {"summary": {"records": 3, "quarantined": 0, "repeats": 0}}


def test_stdout_holds_json_lines_only(export, capsys):
    code = decode_files("zk-dat", [export(GOOD)])
    captured = capsys.readouterr()
    assert [set(json.loads(line)) & {"kind", "summary"} for line in captured.out.splitlines()] == [
        {"kind"},
        {"summary"},
    ]
    assert (code, captured.err) == (0, "")


def test_each_line_is_flushed(export):
    class Pipe(io.StringIO):
        flushed = 0

        def flush(self):
            self.flushed += 1

    pipe = Pipe()
    with redirect_stdout(pipe):
        decode_files("zk-dat", [export(GOOD * 3)])
    assert pipe.flushed == 4


def test_an_unreadable_file_is_named_with_a_remedy_and_the_others_are_read(
    export, tmp_path, capsys
):
    lines = []
    paths = [tmp_path / "missing.dat", export(GOOD)]
    assert decode_files("zk-dat", paths, out=lines.append) == 2
    assert len(lines) == 2
    message = capsys.readouterr().err
    assert "missing.dat" in message
    assert "Check the path" in message


def test_an_unknown_kind_is_a_usage_error(capsys):
    lines = []
    assert decode_files("zk-day", [], out=lines.append) == 3
    assert lines == []
    assert "zk-dat" in capsys.readouterr().err


def test_gzip_is_known_by_its_bytes_not_its_name(export):
    rows, _, code = file_rows("zk-dat", export(gzip.compress(GOOD * 5), "x.bin"))
    assert (len(rows), code) == (5, 0)


@pytest.mark.parametrize("damage", [lambda z: z[:-9], lambda z: z[:12] + b"\xff" * 9 + z[21:]])
def test_damaged_gzip_is_unreadable(export, damage, capsys):
    _, _, code = file_rows("zk-dat", export(damage(gzip.compress(GOOD * 50, mtime=0))))
    assert code == 2
    assert "Copy the file again" in capsys.readouterr().err


def test_a_gzip_bomb_is_stopped(export):
    path = export(gzip.compress(bytes(5000)))
    with pytest.raises(UnreadableError, match="more than 4,096 bytes"):
        read_input(path, limit=4096)
    assert len(read_input(path, limit=5000)) == 5000


def test_an_incomplete_input_degrades_though_every_row_decoded():
    summary = Summary()
    summary.count({"kind": "punch", "flags": []})
    assert not summary.degraded
    summary.incomplete = True
    assert summary.degraded


def test_extra_facts_stand_beside_the_counts():
    summary = Summary()
    summary.add("unanswered")
    summary.add("unanswered", 2)
    assert summary.as_row()["summary"]["unanswered"] == 3


@pytest.mark.parametrize(
    ("name", "records", "quarantined"),
    [
        ("attlog_a_crlf_state255.dat.gz", 14_359, 1),
        ("attlog_b_lf_inout.dat.gz", 12_000, 0),
        ("attlog_c_nul_hole.dat.gz", 5_469, 31),
        ("attlog_e_states_45.dat.gz", 11_902, 0),
    ],
)
def test_real_exports_give_one_row_for_every_line(shared_data, name, records, quarantined):
    path = shared_data / "zk_pull" / name
    rows, summary, code = file_rows("zk-dat", path)
    content = gzip.decompress(path.read_bytes())
    lines = [line for line in content.split(b"\n") if line.strip()]
    assert len(rows) == len(lines)
    assert (summary["records"], summary["quarantined"]) == (records, quarantined)
    assert code == (1 if quarantined else 0)
    for row, line in zip(rows, lines, strict=True):
        assert row["raw"] == line.hex()
        if row["kind"] == "quarantined":
            assert content[row["offset"] :].startswith(line)
            assert row["reason"]


def test_the_two_shift_plant_has_states_in_the_fourth_column(shared_data):
    path = shared_data / "hr/punches/zk_attlog_two_shift_plant.dat"
    rows, summary, _ = file_rows("zk-dat", path)
    assert summary["records"] == 4942
    assert {row["state"] for row in rows} == {0, 1, 2, 3, 4, 5}
    assert {row["verify"] for row in rows} == {1}


def test_joined_gzip_members_are_one_file(tmp_path):
    path = tmp_path / "joined.dat.gz"
    path.write_bytes(gzip.compress(b"one\n") + gzip.compress(b"two\n") + b"\0\0")
    assert read_input(path) == b"one\ntwo\n"


def test_a_plain_file_over_the_cap_is_refused_unread(tmp_path):
    path = tmp_path / "big.dat"
    path.write_bytes(bytes(5000))
    with pytest.raises(UnreadableError, match="more than 4,096 bytes"):
        read_input(path, limit=4096)
