import asyncio
import re
import shutil

import pytest

from protocols.errors import TruncatedError
from protocols.modbus.mbap import TcpFramer, TcpMessage, encode_tcp
from simulators.modbus_counter import CounterUnit, ModbusCounterBox


@pytest.fixture
async def box():
    units = {
        1: CounterUnit(pieces=4294967290, rejects=12, badge=1217496, boot=3),
        2: CounterUnit(pieces=4294967290, rejects=12, word_order="little", width=32),
        3: CounterUnit(pieces=65530, width=16),
    }
    async with ModbusCounterBox(units) as box:
        yield box


async def exchange(box, *requests, within_s=10.0):
    """What a plain client gets for PDUs sent at once: [(transaction, unit, PDU as hex)]."""
    reader, writer = await asyncio.open_connection(box.host, box.port)
    framer, answers = TcpFramer(), []
    try:
        for number, (unit, pdu) in enumerate(requests, start=7):
            message = TcpMessage(transaction=number, unit=unit, pdu=bytes.fromhex(pdu))
            writer.write(encode_tcp(message))
        async with asyncio.timeout(within_s):
            while len(answers) < len(requests):
                data = await reader.read(100)
                answers += [(m.transaction, m.unit, m.pdu.hex()) for m in framer.feed(data)]
                if not data:
                    framer.eof()
                    break
        return answers
    finally:
        writer.close()
        await writer.wait_closed()


async def test_it_answers_both_read_functions(box):
    assert await exchange(box, (1, "0300000007"), (1, "0400060001")) == [
        (7, 1, "030efffffffa0000000c001293d80003"),
        (8, 1, "04020003"),
    ]


async def test_counters_change_while_it_runs_and_wrap(box):
    box.units[1].pieces += 7
    box.units[3].pieces += 7
    assert await exchange(box, (1, "0300000002"), (3, "0300000001")) == [
        (7, 1, "030400000001"),
        (8, 3, "03020001"),
    ]


async def test_a_torn_carry_and_a_reset(box):
    box.units[1].pieces = 65536
    box.units[1].torn = True
    assert await exchange(box, (1, "0300000002")) == [(7, 1, "030400000000")]
    box.units[1].torn = False
    assert await exchange(box, (1, "0300000002")) == [(7, 1, "030400010000")]
    box.units[1].reset()
    assert await exchange(box, (1, "0300000007")) == [
        (7, 1, "030e000000000000000000000000" + "0004")
    ]


async def test_what_it_refuses(box):
    assert await exchange(
        box,
        (1, "0300060002"),  # one register beyond the map
        (1, "0300000000"),  # no registers
        (1, "0600000001"),  # a write
        (1, "11"),  # another function
    ) == [(7, 1, "8302"), (8, 1, "8303"), (9, 1, "8601"), (10, 1, "9101")]
    assert box.asked == {3: 2, 6: 1, 0x11: 1}


async def test_unknown_and_silent_units_say_nothing(box):
    box.units[2].silent = True
    for unit in (2, 99):
        with pytest.raises(TimeoutError):
            await exchange(box, (unit, "0300000001"), within_s=0.05)


async def test_a_gateway_answers_for_units_that_are_not_there():
    async with ModbusCounterBox({1: CounterUnit(exception=4)}, unknown_unit=11) as box:
        answers = await exchange(box, (1, "0300000001"), (9, "0300000001"))
    assert answers == [(7, 1, "8304"), (8, 9, "830b")]


async def test_faults_of_the_wire(box):
    box.faults.wrong_transactions = 1
    box.faults.slice_bytes = 3
    answers = await exchange(box, (1, "0300060001"), (1, "0300060001"))
    assert answers == [(1007, 1, "03020003"), (8, 1, "03020003")]
    box.faults.close_mid_frame = 1
    with pytest.raises(TruncatedError):
        await exchange(box, (1, "0300060001"))
    box.faults.close_on_units = {2}
    assert await exchange(box, (2, "0300060001")) == []
    assert await exchange(box, (1, "0300060001")) == [(7, 1, "03020003")]


async def test_it_hangs_up_on_what_is_not_modbus(box):
    reader, writer = await asyncio.open_connection(box.host, box.port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    async with asyncio.timeout(10):
        assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_stop_closes_the_connections_of_its_clients():
    box = ModbusCounterBox({1: CounterUnit()})
    await box.start()
    reader, writer = await asyncio.open_connection(box.host, box.port)
    await asyncio.sleep(0.01)
    await box.stop()
    await box.stop()  # twice does no harm
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def mbpoll(box, *options, write=()):
    """What mbpoll (libmodbus, a peer that knows nothing of us) prints: by address, and as text."""
    program = shutil.which("mbpoll")
    if program is None:
        pytest.fail("mbpoll is missing: apt-get install mbpoll")
    process = await asyncio.create_subprocess_exec(
        program,
        *("-m", "tcp", "-p", str(box.port), "-0", "-1", "-o", "1", *options, box.host, *write),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    text = output.decode()
    return dict(re.findall(r"^\[(\d+)\]:\s+(\S+)", text, flags=re.MULTILINE)), text


@pytest.mark.parametrize("table", ["3:hex", "4:hex"])  # input and holding registers
async def test_mbpoll_reads_what_the_unit_holds(box, table):
    values, text = await mbpoll(box, "-a", "1", "-t", table, "-r", "0", "-c", "7")
    words = ["0xFFFF", "0xFFFA", "0x0000", "0x000C", "0x0012", "0x93D8", "0x0003"]
    assert list(values.values()) == words, text
    assert list(values) == list("0123456")


async def test_mbpoll_reads_32_bits_in_both_word_orders(box):
    big, text = await mbpoll(box, "-a", "1", "-t", "4:int", "-B", "-r", "0", "-c", "2")
    assert [int(big["0"]) % 2**32, int(big["2"])] == [4294967290, 12], text
    little, text = await mbpoll(box, "-a", "2", "-t", "4:int", "-r", "0", "-c", "2")
    assert [int(little["0"]) % 2**32, int(little["2"])] == [4294967290, 12], text


async def test_mbpoll_is_told_what_cannot_be(box):
    _, text = await mbpoll(box, "-a", "1", "-t", "4", "-r", "100", "-c", "2")
    assert "Illegal data address" in text
    _, text = await mbpoll(box, "-a", "1", "-t", "4", "-r", "0", write=("5",))
    assert "Illegal function" in text
    assert box.units[1].pieces == 4294967290
    _, text = await mbpoll(box, "-a", "99", "-t", "4", "-r", "0", "-c", "2")
    assert "timed out" in text
