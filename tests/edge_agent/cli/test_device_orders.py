"""`device clock|users|unstick|clear` against a terminal on a real socket, in a thread of its own."""

import asyncio
import json
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from drivers.contract import DriverContext
from drivers.zk_pull import ZkPullConfig, ZkPullDriver
from edge_agent.cli.app import run
from edge_agent.cli.simulated_terminals import made_up_log, wall_clock
from edge_agent.config.places import SPOOL_NAME
from edge_agent.spool.lanes import Lane
from edge_agent.spool.store import Spool
from edge_agent.system_clock import SystemClock
from protocols.uplink import Answer, RecordVerdict, Verdict
from protocols.zk.users import User
from simulators.zk_terminal import Faults, TerminalConfig, ZkTerminal

SERIAL = "CLKSIM0000001"
RECORDS = 7
SITE = """\
[site]
name = "plant"
zone = "{zone}"

[gateway]
name = "gw-01"
state_dir = "state"

[[device]]
name = "gate"
kind = "zk-pull"
host = "127.0.0.1"
port = {port}
code_page = "gbk"
"""


@pytest.fixture
def device():
    """A terminal whose clock is an hour fast; the log ends two hours ago."""
    log = made_up_log(RECORDS, 4, end=wall_clock() - timedelta(hours=2))
    users = [User(uid=1, user_id="007", name_raw="张伟".encode("gbk"), card=4711)]
    config = TerminalConfig(clock=wall_clock, serial=SERIAL, clock_offset_s=3600)
    terminal = ZkTerminal(config, log, users)
    terminal.passwords[1] = "1357"
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(terminal.start(), loop).result(5)
    yield terminal
    asyncio.run_coroutine_threadsafe(terminal.stop(), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


@pytest.fixture
def site(tmp_path, device):
    path = tmp_path / "site.toml"
    zone = "UTC"  # of the machines that run the tests; the simulated terminal hangs beside them
    path.write_text(SITE.format(port=device.address[1], zone=zone), encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def machine_in_utc(monkeypatch):
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def ask(site, capsys) -> Callable[..., tuple[int, list[dict], str]]:
    """Runs one `device` command on the terminal: exit code, JSON lines, stderr."""

    def asked(*words: str) -> tuple[int, list[dict], str]:
        code = run(["device", words[0], "gate", "-c", str(site), "--json", *words[1:]])
        shown = capsys.readouterr()
        return code, [json.loads(line) for line in shown.out.splitlines()], shown.err

    return asked


# clock


def test_a_clock_that_is_off_is_shown_and_left_alone(ask, device):
    code, (told,), _ = ask("clock")
    assert code == 1
    assert told["offset_s"] == pytest.approx(3600, abs=2)
    assert (told["serial"], told["within_tolerance"], told["written"]) == (SERIAL, False, None)
    assert told["audit"] is None
    assert device.operations == []
    assert ask("clock", "--tolerance", "4000")[0] == 0


def test_setting_it_leaves_a_line_of_who_and_what(ask, device):
    code, (told,), _ = ask("clock", "--set")
    assert code == 0
    assert told["within_tolerance"]
    assert abs(told["offset_s"]) <= 2
    for word in (SERIAL, "by ", "clock set to", "off by +3", "newest"):
        assert word in told["audit"]
    code, (again,), _ = ask("clock", "--set")
    assert (code, again["written"], again["audit"]) == (0, None, None)
    assert [entry.operation for entry in device.operations] == [21]


def test_it_never_goes_back_across_a_punch_unless_told_to(ask, device):
    device.log.extend(made_up_log(1, 5, end=wall_clock() + timedelta(minutes=50)))
    code, lines, err = ask("clock", "--set")
    assert (code, lines) == (2, [])
    assert "across the punch of user" in err
    assert "--allow-backwards" in err
    code, (told,), _ = ask("clock", "--set", "--allow-backwards")
    assert code == 0
    assert "BACKWARDS ACROSS PUNCHES" in told["audit"]


def test_a_clock_is_not_set_by_a_guessed_zone(device, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGE_AGENT_CONFIG", raising=False)
    address = f"127.0.0.1:{device.address[1]}"
    assert run(["device", "clock", address, "--set"]) == 3
    assert "--zone" in capsys.readouterr().err
    assert run(["device", "clock", address, "--set", "--zone", "UTC"]) == 0
    assert "audit" in capsys.readouterr().out


# users


def test_users_are_listed_without_passwords(ask):
    code, (user, summary), _ = ask("users")
    assert code == 0
    assert (user["kind"], user["user_id"], user["name"], user["card"]) == (
        "user",
        "007",
        "张伟",
        4711,
    )
    assert b"1357" not in bytes.fromhex(user["raw"])
    assert summary["summary"]["records"] == 1


def test_users_for_people(site, capsys):
    assert run(["device", "users", "gate", "-c", str(site)]) == 0
    out = capsys.readouterr().out
    assert "张伟" in out
    assert "1357" not in out


def test_a_record_that_makes_no_sense_degrades(ask, device):
    device.users.append(User(uid=2, user_id=""))
    code, (_, bad, _), _ = ask("users")
    assert (code, bad["kind"]) == (1, "quarantined")


# unstick


def test_unstick(ask, device):
    device._memory.disable(None)
    assert device.disabled
    code, (told,), _ = ask("unstick")
    assert (code, told["serial"]) == (0, SERIAL)
    assert "enabled" in told["audit"]
    assert not device.disabled


@pytest.mark.parametrize("verb", ["clock", "users", "unstick"])
def test_a_device_of_another_kind(verb, capsys):
    assert run(["device", verb, "rdm6300:///dev/ttyNONE"]) == 3
    assert "rdm6300" in capsys.readouterr().err


# clear


def stored(site, device, *, verdict: Verdict | None, sent: bool = False) -> None:
    """The agent has pulled the log and, when `sent`, put a batch in flight; with a verdict, the
    core has answered with it.
    """

    async def work() -> None:
        clock = SystemClock()
        config = ZkPullConfig(name="gate", host="127.0.0.1", port=device.address[1])
        driver = ZkPullDriver(config, DriverContext(clock=clock, zone="UTC"))
        spool = Spool.open(site.parent / "state" / SPOOL_NAME, clock=clock, boot_id="boot-1")
        try:
            async for delivery in driver.fetch(await spool.cursor(SERIAL)):
                await spool.append(
                    delivery,
                    device_name="gate",
                    zone="UTC",
                    lane=Lane.PUNCH_BACKLOG,
                    received_at=clock.now(),
                    clock_offset_ms=None,
                )
            if sent:
                await spool.next_batch("core", limit=1_000)
            if verdict is not None:
                await answer(spool, verdict)
        finally:
            await driver.aclose()
            spool.close()

    (site.parent / "state").mkdir(exist_ok=True)
    asyncio.run(work())


async def answer(spool: Spool, verdict: Verdict) -> None:
    batch = await spool.next_batch("core", limit=1_000)
    verdicts = tuple(
        RecordVerdict(event_id=seen.event_id, verdict=verdict, code="why")
        for seen in batch.observations
    )
    await spool.settle("core", Answer(number=batch.number, verdicts=verdicts))


def test_a_log_that_the_core_has_is_deleted(ask, site, device):
    stored(site, device, verdict=Verdict.ACCEPTED)
    code, (told,), _ = ask("clear", "--yes")
    assert code == 0
    assert told["deleted"] == RECORDS
    assert f"{RECORDS} rows: all in the spool, acknowledged" in told["audit"]
    assert device.log == []
    assert not device.disabled


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (None, "no core has ever acknowledged"),
        (Verdict.KEEP, f"{RECORDS} punches of this terminal wait"),
        (Verdict.REJECTED, f"refused {RECORDS} punches"),
    ],
)
def test_what_the_core_does_not_have_stays(ask, site, device, verdict, said):
    stored(site, device, verdict=verdict)
    code, lines, err = ask("clear", "--yes")
    assert (code, lines) == (2, [])
    assert said in err
    assert "Nothing was deleted" in err
    assert len(device.log) == RECORDS


def test_what_was_sent_and_not_answered_stays(ask, site, device):
    stored(site, device, verdict=None, sent=True)
    assert f"{RECORDS} punches of this terminal wait" in ask("clear", "--yes")[2]
    assert len(device.log) == RECORDS


def test_a_punch_that_was_not_sent_yet_keeps_the_whole_log(ask, site, device):
    stored(site, device, verdict=Verdict.ACCEPTED)
    device.log.extend(made_up_log(1, 9, end=wall_clock()))
    assert "1 rows on the terminal are not in the spool" in ask("clear", "--yes")[2]
    stored(site, device, verdict=None)
    assert "1 punches of this terminal wait" in ask("clear", "--yes")[2]
    assert len(device.log) == RECORDS + 1
    stored(site, device, verdict=Verdict.DUPLICATE)
    assert ask("clear", "--yes")[0] == 0
    assert device.log == []


def test_a_quarantined_row_keeps_the_whole_log(ask, site, device, monkeypatch):
    from simulators.zk_terminal import memory

    genuine = memory.encode_attendance

    def one_bad_date(log, layout):
        table = genuine(log, layout)
        return table[:27] + (61 * 86_400).to_bytes(4, "little") + table[31:]

    monkeypatch.setattr(memory, "encode_attendance", one_bad_date)
    device._memory._encoded = None
    stored(site, device, verdict=Verdict.ACCEPTED)
    assert "1 rows of this terminal could not be decoded" in ask("clear", "--yes")[2]
    assert len(device.log) == RECORDS


def test_counts_must_agree(ask, site, device):
    stored(site, device, verdict=Verdict.ACCEPTED)
    device.faults = Faults(count=RECORDS - 1)
    assert f"counts {RECORDS - 1} rows" in ask("clear", "--yes")[2]
    assert len(device.log) == RECORDS


def test_without_yes_nothing_is_even_looked_at(ask, device):
    code, lines, err = ask("clear")
    assert (code, lines) == (3, [])
    assert "--yes" in err
    assert device.connections == 0


def test_an_order_leaves_a_line_in_the_machines_log(monkeypatch):
    from edge_agent.cli import audit

    lines = []
    monkeypatch.setattr(audit.syslog, "syslog", lambda priority, line: lines.append(line))
    monkeypatch.setenv("SUDO_USER", "eve")
    told = audit.audit(
        'S1\nby="root"', "set_clock", "clock set", before="off by -75.0 s", after="off by +0.1 s"
    )
    assert " by eve: clock set" in told
    (line,) = lines
    assert line.startswith("order=set_clock serial=\"S1?by='root'\" by=eve at=2")
    assert line.endswith('before="off by -75.0 s" after="off by +0.1 s"')
