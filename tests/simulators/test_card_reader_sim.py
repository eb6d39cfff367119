import asyncio
import contextlib
import os

import pytest

from protocols.rdm6300 import encode_card
from simulators.card_reader import CardReaderSim

CARD = "01001293D8"


@pytest.fixture
async def reader(tmp_path):
    async with CardReaderSim(link=tmp_path / "by-id") as reader:
        yield reader


@pytest.fixture
def open_port():
    """Opens ports as any program would, and closes them."""
    opened = []

    def open_(path):
        port = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        opened.append(port)
        return port

    yield open_
    for port in opened:
        os.close(port)


async def read(port, size):
    """`size` bytes; the kernel hands a pty's bytes over in its own time."""
    data = b""
    async with asyncio.timeout(10):
        while len(data) < size:
            with contextlib.suppress(BlockingIOError):
                data += os.read(port, size - len(data))
            await asyncio.sleep(0.001)
    return data


async def eventually(condition):
    async with asyncio.timeout(10):  # a loaded machine is slow, not wrong
        while not condition():
            await asyncio.sleep(0.002)


async def test_a_held_card_repeats_its_frame(reader, open_port):
    port = open_port(reader.port)
    await reader.present(CARD, repeats=3, interval_s=0)
    assert await read(port, 3 * 14) == encode_card(bytes.fromhex(CARD)) * 3


async def test_it_hears_what_is_written_to_it(reader, open_port):
    port = open_port(reader.port)
    os.write(port, b"\x06\n")
    await eventually(lambda: reader.heard == b"\x06\n")


async def test_the_port_is_raw(reader, open_port):
    port = open_port(reader.port)
    every_byte = bytes(range(256))
    await reader.send(every_byte, slice_bytes=7)
    assert await read(port, 256) == every_byte  # no echo, no line editing, no signals
    await asyncio.sleep(0.01)
    assert reader.heard == b""


async def test_unplugging_ends_the_port_and_plugging_brings_it_back(reader, open_port):
    port = open_port(reader.port)
    await reader.unplug()
    await reader.unplug()  # twice does no harm
    assert os.read(port, 1) == b""  # hung up
    with pytest.raises(FileNotFoundError):
        open_port(reader.port)
    with pytest.raises(RuntimeError, match="not plugged in"):
        await reader.present(CARD)
    await reader.plug()
    port = open_port(reader.port)
    await reader.present(CARD)
    assert await read(port, 14) == encode_card(bytes.fromhex(CARD))


async def test_without_a_link_the_port_is_the_pty_itself():
    async with CardReaderSim(crlf=True) as reader:
        assert reader.port.startswith("/dev/")
