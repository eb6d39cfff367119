"""The demo as a user starts it: real processes, real sockets, and an account that must agree."""

import json
import subprocess
import sys

import pytest

from edge_agent.demo.account import Account
from edge_agent.demo.cli import account_of

# Twins in one second, a block written twice, a row of the year 2000, a hole, an impossible date.
AWKWARD_EXPORT = (
    b"     1007\t2026-10-12 07:58:00\t1\t0\t15\t0\r\n"
    b"     1008\t2026-10-12 07:59:30\t1\t0\t15\t0\r\n"
    b"     1008\t2026-10-12 07:59:30\t1\t0\t15\t0\r\n"
    b"     1007\t2026-10-12 17:05:00\t1\t1\t15\t0\r\n"
    b"     1008\t2026-10-12 19:10:00\t1\t1\t15\t0\r\n"
    b"     1007\t2026-10-12 07:58:00\t1\t0\t15\t0\r\n"
    b"     1007\t2026-10-12 17:05:00\t1\t1\t15\t0\r\n"
    b"        9\t2000-01-01 00:04:15\t1\t255\t1\t0\r\n"
    b"       A7\t2026-10-13 18:02:00\t1\t255\t4\t12\r\n"
    b"\0\0\0\0\0\t1\t0\t1\t0\r\n"
    b"     1007\t2026-02-31 08:00:00\t1\t0\t1\t0\r\n"
)
ROWS = 9
BAD_ROWS = 2


def demo(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "edge_agent", "demo", *arguments],
        capture_output=True, text=True, check=False, timeout=110,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_month_goes_the_whole_way():
    done = demo("--json")
    assert done.returncode == 0, done.stderr
    assert '"lost": 0, "doubled": 0' in done.stdout.splitlines()[-1]
    account = account_of(done.stdout.splitlines()[-1])
    assert account.agrees
    assert account.punches_on_device == account.fetched == account.stored == account.acked > 700
    assert (account.lost, account.doubled, account.quarantined) == (0, 0, 0)
    assert account.payslips == 20
    assert len(account.rates) == 20
    assert {rate["grade"] for rate in account.rates} >= {"A", "D"}
    explained = account.explained
    assert explained["amount_fen"] == explained["replayed_fen"]
    event = explained["days"][0]["punches"][0]["event"]
    assert len(event["event_id"]) == 32
    assert event["user_id"].encode().hex() in event["raw"]
    (by_law,) = account.compared
    assert (by_law["scheme"], by_law["payslips"], by_law["refused"]) == ("cn", 20, [])
    assert by_law["total_fen"] < account.total_fen


@pytest.mark.slow
def test_an_awkward_export_is_pulled_whole_and_its_people_paid(tmp_path):
    export = tmp_path / "1_attlog.dat"
    export.write_bytes(AWKWARD_EXPORT)
    done = demo("--json", "--input", str(export))
    assert done.returncode == 0, done.stderr
    account = account_of(done.stdout.splitlines()[-1])
    assert account.punches_on_device == account.stored == account.acked == ROWS
    assert (account.lost, account.doubled) == (0, 0)
    assert account.quarantined == BAD_ROWS
    assert account.months == ("2026-10",)
    assert account.payslips == 4  # 1007, 1008, A7 and 9, whose clock was wrong
    assert [slip["number"] for slip in account.slips] == ["1007", "1008", "9", "A7"]


@pytest.mark.slow
def test_a_real_export_runs(shared_data):
    plant = shared_data / "hr" / "punches" / "zk_attlog_two_shift_plant.dat"
    done = demo("--json", "--input", str(plant))
    assert done.returncode == 0, done.stderr
    account = account_of(done.stdout.splitlines()[-1])
    rows = sum(bool(line.strip()) for line in plant.read_bytes().split(b"\n"))
    assert account.punches_on_device == account.acked == rows
    assert account.explained["days"]


@pytest.mark.parametrize("content", [b"", b"not an export\n"])
def test_a_file_without_rows_says_what_it_wants(tmp_path, content):
    wrong = tmp_path / "wrong.dat"
    wrong.write_bytes(content)
    done = demo("--input", str(wrong))
    assert done.returncode == 2
    assert "holds no row" in done.stderr
    assert "try:" in done.stderr


def test_a_missing_file_is_named():
    done = demo("--input", "/nonexistent/1_attlog.dat")
    assert done.returncode == 2
    assert "/nonexistent/1_attlog.dat" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_used_folder_is_not_overwritten(tmp_path):
    (tmp_path / "core.db").write_text("precious")
    done = demo("--keep", str(tmp_path))
    assert done.returncode == 2
    assert (tmp_path / "core.db").read_text() == "precious"


def test_a_folder_that_is_a_file_is_told(tmp_path):
    (tmp_path / "site.toml").write_text("precious")
    done = demo("--keep", str(tmp_path / "site.toml"))
    assert done.returncode == 2
    assert "site.toml: cannot be made a folder" in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "site.toml").read_text() == "precious"


def test_an_account_in_which_a_count_differs_does_not_agree():
    fields = dict.fromkeys(Account.__struct_fields__, 0) | {
        "months": (), "runs": (), "not_computed": (), "rates": (), "slips": (), "explained": {},
        "seconds": 0.0, "compared": (),
    }  # fmt: skip
    good = fields | {"punches_on_device": 5, "fetched": 5, "stored": 5, "acked": 5}
    assert account_of(json.dumps(good)).agrees
    for broken in ({"acked": 4}, {"stored": 6}, {"lost": 1}, {"doubled": 1}):
        assert not account_of(json.dumps(good | broken)).agrees
