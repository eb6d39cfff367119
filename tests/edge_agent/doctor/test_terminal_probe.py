"""The probe against simulated terminals with each fault: how far it gets, and what it says there."""

import socket

import pytest

from drivers.zk_pull import ZkPullConfig
from drivers.zk_pull.translation import _MEANINGS
from edge_agent.doctor.findings import Severity
from edge_agent.doctor.terminal_probe import ProbeFinding, Step, probe_terminal
from protocols.zk.commands import Command, Reply
from protocols.zk.framing import Packet
from simulators.zk_terminal import Faults, ZkTerminal
from simulators.zk_terminal.conversation import Conversation
from tests.drivers.zk_site import CONTEXT, asking, terminal

PANEL = bytes.fromhex("aa01c800000055")
SECURE = bytes.fromhex("5050837c08000000d0070000000000")
HTTP = b"HTTP/1.1 400 Bad Request\r\n\r\n"


async def probed(host: str, port: int, **config) -> list[ProbeFinding]:
    settings = {"name": "gate", "host": host, "port": port, "timeout_s": 0.4} | config
    findings = probe_terminal(ZkPullConfig(**settings), clock=CONTEXT.clock, zone=CONTEXT.zone)
    return [finding async for finding in findings]


async def probed_terminal(device: ZkTerminal, **config) -> list[ProbeFinding]:
    async with device:
        return await probed(*device.address, **config)


async def test_a_good_terminal_passes_every_step_in_order() -> None:
    findings = await probed_terminal(terminal(5), serial="CLK0000000001")
    assert [finding.step for finding in findings] == list(Step)
    assert {finding.severity for finding in findings} == {Severity.OK}
    told = {finding.step: finding.what for finding in findings}
    assert "127.0.0.1" in told[Step.ROUTE]
    assert told[Step.SERIAL] == "CLK0000000001 as expected"
    assert "2026-11-22 09:00:00, +0 s from Asia/Shanghai" in told[Step.CLOCK]
    assert told[Step.PROFILE].startswith("zkteco/f18: ")


@pytest.mark.parametrize(
    ("faults", "step", "code", "remedy"),
    [
        (Faults(opening=PANEL), Step.FRAME, "access_panel", "push"),
        (Faults(opening=SECURE), Step.FRAME, "encrypted_firmware", "push driver"),
        (Faults(opening=HTTP), Step.FRAME, "not_zk", "address and port"),
        (Faults(silent_on=frozenset({Command.CONNECT})), Step.FRAME, "no_answer", "restart"),
        (Faults(drop_connections=1), Step.FRAME, None, "cable"),
        (
            Faults(refuse_connect=Reply.SECURE_CHALLENGE),
            Step.AUTH,
            "encrypted_firmware",
            "push driver",
        ),
        (Faults(refuse_connect=Reply.AUTH_LOCKED), Step.AUTH, "locked_out", "wait"),
        (Faults(serial="OTHER1"), Step.SERIAL, "wrong_serial", "`serial`"),
        (
            Faults(refuse_table=Reply.ALLOCATION_FAILED),
            Step.LOG,
            "access_control_mode",
            "Device Type",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_each_fault_is_told_at_its_step_and_ends_the_probe(
    faults: Faults, step: Step, code: str | None, remedy: str
) -> None:
    *before, last = await probed_terminal(terminal(5, faults), serial="CLK0000000001")
    assert {finding.severity for finding in before} <= {Severity.OK}
    assert [finding.step for finding in before] == list(Step)[: list(Step).index(step)]
    assert (last.step, last.severity) == (step, Severity.BAD)
    assert code in {None, last.code}
    assert remedy in last.remedy


@pytest.mark.parametrize(
    ("key", "code", "remedy"),
    [(None, "comm_key_needed", "comm_key=N"), (7, "wrong_comm_key", "PC Connection")],
)
async def test_a_key_that_is_missing_is_not_a_wrong_one(key, code: str, remedy: str) -> None:
    *_, last = await probed_terminal(terminal(5, comm_key=1234), comm_key=key)
    assert (last.step, last.code) == (Step.AUTH, code)
    assert remedy in last.remedy
    assert "1234" not in last.what + last.remedy


def test_every_code_of_a_refusal_is_explained(repository) -> None:
    page = (repository / "docs" / "errors.md").read_text("utf-8")
    codes = {meaning.code for _, meaning in _MEANINGS} | {"comm_key_needed", "clock_off"}
    assert {code for code in codes if f"`{code}`" not in page} == set()


async def test_the_right_key_opens() -> None:
    findings = await probed_terminal(terminal(5, comm_key=1234), comm_key=1234)
    assert findings[3].what == "the session is open with the comm key"
    assert findings[-1].step is Step.LOG


async def test_an_unknown_model_gives_the_facts_to_paste_and_its_log_is_still_tried() -> None:
    device = terminal(5, platform="ZX9_TFT", device_name="New", firmware="Ver 9")
    *_, profile, log = await probed_terminal(device)
    assert (profile.step, profile.code) == (Step.PROFILE, "no_profile")
    assert profile.facts.splitlines() == [
        "[[reported]]",
        'transport = "zk-tcp"',
        'platform = "ZX9_TFT"',
        'device_name = "New"',
        'firmware = "Ver 9"',
    ]
    assert "\n" not in profile.what + profile.remedy
    assert (log.step, log.severity) == (Step.LOG, Severity.OK)


@pytest.mark.parametrize(
    ("offset_s", "code"), [(55, "ok"), (-55, "ok"), (61, "clock_off"), (-75, "clock_off")]
)
async def test_the_clock_is_compared_with_the_sites(offset_s: int, code: str) -> None:
    findings = await probed_terminal(terminal(5, clock_offset_s=offset_s), timeout_s=5)
    clock = findings[5]
    assert (clock.step, clock.code) == (Step.CLOCK, code)
    told = int(clock.what.split(", ")[1].split(" s ")[0])
    assert abs(told - offset_s) <= 1
    assert ("--zone" in clock.remedy) == (code != "ok")
    assert findings[-1].step is Step.LOG, "a wrong clock stops nothing"


async def test_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
    route, tcp = await probed(*address)
    assert route.severity is Severity.OK
    assert (tcp.step, tcp.code) == (Step.TCP, "link_refused")


async def test_a_host_that_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = [socket.socket() for _ in range(3)]  # fill the queue: further SYNs are dropped
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        try:
            *_, tcp = await probed(*full.getsockname())
        finally:
            for one in waiting:
                one.close()
    assert (tcp.step, tcp.code) == (Step.TCP, "link_timeout")


async def test_a_name_that_does_not_resolve() -> None:
    (route,) = await probed("no-such-clock.invalid", 4370)
    assert (route.step, route.code) == (Step.ROUTE, "link_name")


async def test_the_session_is_left_politely_and_nothing_is_written(monkeypatch) -> None:
    sent: list[int] = []
    answers = Conversation.answers

    def noting(self: Conversation, packet: Packet):
        sent.append(packet.command)
        return answers(self, packet)

    monkeypatch.setattr(Conversation, "answers", noting)
    await probed_terminal(terminal(500))
    assert sent[0] == Command.CONNECT
    assert sent[-2:] == [Command.FREE_DATA, Command.EXIT]
    assert set(sent) - {Command.CONNECT, Command.FREE_DATA, Command.EXIT} == {
        Command.OPTIONS_WRQ,  # SDKBuild, an option of the session
        Command.OPTIONS_RRQ,
        Command.GET_VERSION,
        Command.GET_TIME,
        Command.PREPARE_BUFFER,
    }


async def test_a_pull_works_after_a_probe() -> None:
    device = terminal(200)
    async with asking(device) as gate:
        await probed(*device.address)
        deliveries = [delivery async for delivery in gate.fetch(None)]
    assert sum(len(delivery.every_record()) for delivery in deliveries) == 200
