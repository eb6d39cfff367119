"""`device registers` against simulated boxes: both word orders of the captured number."""

import asyncio
import json
import threading
from contextlib import contextmanager

import pytest

from edge_agent.cli.app import run
from simulators.modbus_counter import ModbusCounterBox
from simulators.modbus_rtu import ModbusRtuLine
from simulators.modbus_units import CounterUnit
from tests.edge_agent.status.gateway_on_disk import SITE


@contextmanager
def served(make):
    """A simulated box on a loop of its own: the command has one too."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    box = make()
    asyncio.run_coroutine_threadsafe(box.__aenter__(), loop).result(5)
    try:
        yield box
    finally:
        asyncio.run_coroutine_threadsafe(box.__aexit__(None, None, None), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def unit():
    return CounterUnit(pieces=4_294_967_290, rejects=12)


@pytest.fixture
def box():
    with served(lambda: ModbusCounterBox({1: unit()})) as box:
        yield box


@pytest.mark.parametrize("form", ["{}", "modbus-counter://{}", "modbus-counter://{}?timeout_s=5"])
def test_a_number_in_both_word_orders(box, capsys, form):
    target = form.format(f"{box.host}:{box.port}")
    assert run(["device", "registers", target, "--count", "4", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["registers"] == [65535, 65530, 0, 12]
    assert told["numbers"][0] == {
        "address": 0,
        "u16": 65535,
        "u32_big": 4_294_967_290,
        "u32_little": 65_530 << 16 | 65_535,
        "u64_big": 4_294_967_290 << 32 | 12,
        "u64_little": 12 << 48 | 65_530 << 16 | 65_535,
    }
    assert told["numbers"][3]["u32_big"] is None
    assert box.asked == {3: 1}


def test_a_table_for_the_person_at_the_display(box, capsys):
    assert run(["device", "registers", f"{box.host}:{box.port}", "--function", "4"]) == 2
    assert "addresses count from 0" in capsys.readouterr().err  # eight registers, the box has seven
    address = f"{box.host}:{box.port}"
    assert run(["device", "registers", address, "--function", "4", "--count", "2"]) == 0
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ["REGISTER", "U16", "U32", "BIG", "U32", "LITTLE", "U64", "BIG", "U64",
                            "LITTLE"]  # fmt: skip
    assert first.split() == ["0", "65535", "4294967290", "4294639615"]
    assert second.split() == ["1", "65530"]


def test_a_serial_line_and_a_device_of_the_site_file(tmp_path, capsys):
    with served(lambda: ModbusRtuLine({17: unit()}, link=tmp_path / "by-id")) as line:
        assert (
            run(["device", "registers", line.port, "--unit", "17", "--count", "2", "--json"]) == 0
        )
        assert json.loads(capsys.readouterr().out)["numbers"][0]["u32_big"] == 4_294_967_290
        site = tmp_path / "site.toml"
        site.write_text(
            f'{SITE}\n[[device]]\nname = "saw"\nkind = "modbus-rtu"\nport = "{line.port}"\n'
            'counters = [{unit = 17, tag = "saw", pieces = 0}]\n'
        )
        options = ["--unit", "17", "--address", "2", "--count", "2", "--json", "-c", str(site)]
        assert run(["device", "registers", "saw", *options]) == 0
        assert json.loads(capsys.readouterr().out)["numbers"][0]["u32_big"] == 12


def test_what_has_no_registers(capsys):
    assert run(["device", "registers", "zk-pull://10.0.0.7"]) == 3
    assert "only Modbus boxes have registers" in capsys.readouterr().err
    assert run(["device", "registers", "10.0.0.7", "--address", "65535"]) == 3
    assert "at most 1" in capsys.readouterr().err
