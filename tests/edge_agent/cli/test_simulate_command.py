"""`edge-agent simulate` as a process: what it prints, serves and refuses; pyzk reads it too."""

import json
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from edge_agent.cli.app import run
from edge_agent.cli.simulated_terminals import made_up_log
from firmware_profiles import load_all

PEER = Path(__file__).parents[2] / "simulators" / "pyzk_peer.py"


@contextmanager
def simulated(*options: str, devices: int = 1):
    """The addresses at which the process listens; it ends cleanly in the end."""
    with subprocess.Popen(
        [sys.executable, "-m", "edge_agent", "simulate", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(devices)]
        assert all(line.startswith("listening ") for line in lines), process.communicate()
        yield [line.split()[1] for line in lines]
        process.terminate()
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (0, "")
    assert err.endswith("stopped\n")


def lines_of(capsys) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def seen_by_pyzk(address: str, *, key: int = 0, transport: str = "tcp") -> dict:
    host, _, port = address.partition(":")
    done = subprocess.run(
        [sys.executable, str(PEER), host, port, str(key), transport],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def test_several_terminals_print_a_line_each_in_order_and_have_their_serials(capsys) -> None:
    with simulated("zk", "--devices", "3", "--records", "4", devices=3) as addresses:
        assert len(set(addresses)) == 3
        serials = []
        for address in addresses:
            assert run(["device", "info", address, "--json"]) == 0
            serials += [row["serial"] for row in lines_of(capsys)]
    assert serials == ["CLKSIM0000001", "CLKSIM0000002", "CLKSIM0000003"]


def test_consecutive_ports_from_a_given_one() -> None:
    with simulated("modbus-counter") as (free,):
        first = int(free.partition(":")[2])
    # The port was free a moment ago; the two after it nearly always are.
    with simulated("modbus-counter", "--port", str(first), "--devices", "3", devices=3) as got:
        assert [address.partition(":")[2] for address in got] == [
            str(first + number) for number in range(3)
        ]


def test_a_serial_line_with_a_modbus_unit(capsys, tmp_path) -> None:
    link = str(tmp_path / "line")
    with simulated("modbus-rtu", "--records", "70000", "--port", link) as (port,):
        assert port == link
        assert run(["device", "registers", port, "--unit", "17", "--count", "2", "--json"]) == 0
    (told,) = lines_of(capsys)
    assert told["numbers"][0]["u32_big"] >= 70_000


@pytest.mark.parametrize(("kind", "line"), [("pulse", r"(OK|NG)"), ("scanner", r"E\d{4}")])
def test_stations_that_send_lines(kind, line) -> None:
    with simulated(kind, "--live-every", "0.05") as (port,):
        deadline = time.monotonic() + 10
        with open(port, "rb", buffering=0) as heard:  # noqa: PTH123 - unbuffered
            text = b""
            while text.count(b"\n") < 30 and time.monotonic() < deadline:
                text += heard.read(64)
    assert re.search(rf"^{line}\r$", text.decode(), re.MULTILINE)


def test_a_profile_a_key_and_faults_together(capsys) -> None:
    options = ["--profile", "zkteco/iface_zmm220", "--comm-key", "1234", "--records", "40"]
    faults = "segment_bytes=3,stale_buffer,invalid_dates=2,event_in_download,packet_bytes=1008"
    with simulated("zk", *options, "--faults", faults) as (address,):
        assert run(["device", "info", f"zk-pull://{address}?comm_key=1234", "--json"]) == 0
        (told,) = lines_of(capsys)
        assert told["profile"] == "zkteco/iface_zmm220"
        assert run(["device", "pull", f"zk-pull://{address}?comm_key=1234", "--json"]) == 1
        *rows, last = lines_of(capsys)
        assert run(["device", "pull", address, "--json"]) == 2
        assert "comm_key" in capsys.readouterr().err
    assert [row["kind"] for row in rows].count("quarantined") == 2
    assert (last["summary"]["records"], last["summary"]["quarantined"]) == (38, 2)


def test_people_punch_now_and_then(capsys) -> None:
    with simulated("zk", "--records", "0", "--live-every", "0.02") as (address,):
        for _ in range(50):
            assert run(["device", "count", address, "--json"]) == 0
            (told,) = lines_of(capsys)
            if told["records"] >= 3:
                break
        assert told["records"] >= 3
        assert run(["device", "pull", address, "--json"]) == 0
        *rows, _ = lines_of(capsys)
    assert {row["kind"] for row in rows} == {"punch"}
    assert len({row["user_id"] for row in rows}) > 1


def test_a_card_reader_at_a_path_of_ones_own(tmp_path) -> None:
    link = tmp_path / "reader"
    with simulated("rdm6300", "--port", str(link), "--live-every", "0.05") as (path,):
        assert path == str(link)
        with link.open("rb", buffering=0) as port:
            assert re.fullmatch(rb"\x02[0-9A-F]{12}\x03", port.read(14))
    assert not link.exists()


def test_faults_help_lists_every_knob_on_a_line(capsys) -> None:
    assert run(["simulate", "zk", "--faults", "help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for known in ("segment_bytes=NUMBER ", "sizes_bytes=4|80|92|112 ", "opening=HEX ", "lose="):
        (line,) = [line for line in lines if line.startswith(known)]
        assert len(line.split(maxsplit=1)[1]) > 10


def test_faults_of_the_other_transport_are_noted() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "edge_agent", "simulate", "zk", "--faults", "lose=0.2,late_ack"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.terminate()
        _, err = process.communicate(timeout=10)
    assert err == "note: lose does nothing over tcp\nstopped\n"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["zk", "--faults", "segment_byte=1"], 'did you mean "segment_bytes"?'),
        (["zk", "--faults", "segment_bytes=no"], "segment_bytes takes NUMBER"),
        (["zk", "--faults", "nul_hole=90"], "at least twice as many"),
        (["zk", "--profile", "zkteco/k41"], 'did you mean "zkteco/k40"?'),
        (["zk", "--layout", "att41"], "Known layouts: att40, att16"),
        (["zk", "--layout", "att16", "--input", "{dat}"], "choose another --layout"),
        (["zk", "--port", "65535", "--devices", "2"], "0 to 65534"),
        (["zk", "--port", "/dev/ttyUSB0"], "0 picks a free one"),
        (["zk", "--devices", "0"], "edge-agent simulate --help"),
        (["zk", "--comm-key", "1000000"], "edge-agent simulate --help"),
        (["modbus-counter", "--faults", "lose=1"], "Leave --faults out"),
        (["modbus-counter", "--profile", "zkteco/k40"], "Leave --profile out"),
        (["modbus-counter", "--comm-key", "1"], "Leave --comm-key out"),
        (["rdm6300", "--layout", "att40"], "Leave --layout out"),
        (["rdm6300", "--port", "{dat}"], "an absolute path that is free"),
        (["rdm6300", "--port", "{dat}.link", "--devices", "2"], "for one device"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_is_a_usage_error(options, told, tmp_path, capsys) -> None:
    dat = tmp_path / "1_attlog.dat"
    dat.write_bytes(b"A7b\t2026-11-21 08:30:00\t1\t0\t0\t0\r\n")
    assert run(["simulate", *(option.replace("{dat}", str(dat)) for option in options)]) == 3
    err = capsys.readouterr().err
    assert told in err
    assert "Traceback" not in err
    assert dat.exists()


# pyzk, the independent reader, in a process of its own


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize(
    "key",
    ["zkteco/k40", "zkteco/iface_zmm220", "zkteco/zem600_tft", "zkteco/k20", "solution/x100_c"],
)
def test_pyzk_reads_users_and_log_of_a_profile(key: str, transport: str) -> None:
    (profile,) = (profile for profile in load_all() if profile.key == key)
    options = ["--profile", key, "--records", "300", "--seed", "8", "--transport", transport]
    with simulated("zk", *options, "--comm-key", "77") as (address,):
        seen = seen_by_pyzk(address, key=77, transport=transport)
    facts = profile.reported[0] if profile.reported else None
    if facts is not None:
        assert (seen["platform"], seen["name"]) == (facts.platform, facts.device_name)
    times = [row[1] for row in seen["log"]]
    assert times == sorted(times)
    rows = made_up_log(300, 8, end=datetime.fromisoformat(times[-1]))
    # The peer calls the verify mode `status` and the state `punch`.
    assert seen["log"] == [
        [row.user_id, row.time.isoformat(), row.verify, row.state] for row in rows
    ]
    assert seen["records"] == 300
    assert [user[1] for user in seen["users"]] == [str(1001 + n) for n in range(50)]
    if profile.encoding == "utf-8":  # the peer cuts all else out of names
        assert seen["users"][0][2] == "Wang Wei"


def test_pyzk_and_we_read_the_same_five_thousand_rows(capsys) -> None:
    with simulated("zk", "--records", "5000", "--seed", "3") as (address,):
        theirs = [row[:2] for row in seen_by_pyzk(address)["log"]]
        assert run(["device", "pull", address, "--dry-run", "--json"]) == 0
        *ours, last = lines_of(capsys)
    assert [[row["user_id"], row["device_time"]] for row in ours] == theirs
    assert last["summary"]["records"] == 5_000


def test_pyzk_sees_no_log_where_the_count_is_unknown_and_we_see_it(capsys) -> None:
    """The negative control of P04, with a real profile."""
    with simulated("zk", "--profile", "zkteco/d2", "--records", "30") as (address,):
        assert seen_by_pyzk(address)["log"] == []
        assert run(["device", "pull", address, "--json"]) == 0
        assert lines_of(capsys)[-1]["summary"]["records"] == 30
