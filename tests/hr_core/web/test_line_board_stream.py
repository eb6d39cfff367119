"""Server-sent events of the line board: everything at once, then only what changed, and beats."""

import asyncio
import json

import sqlalchemy as sa

from hr_core.web.board_page import Fragment
from hr_core.web.board_stream import MOST_STREAMS, BoardStreams, Moment


class Line:
    """What there is to see, and how often somebody looked."""

    def __init__(self, html="<p>1</p>"):
        self.html = html
        self.looks = 0
        self.broken = False

    async def look(self):
        self.looks += 1
        if self.broken:
            raise sa.exc.OperationalError("SELECT", {}, Exception("gone"))
        parts = (Fragment("tile", "tile-L1", self.html), Fragment("alert", "alerts", "<p></p>"))
        return Moment(f"08:00:{self.looks:02d}", parts)


def reader(streams, line, stopping, key="L1"):
    return streams.response(key, line.look, stopping).body_iterator


async def next_event(events):
    while True:
        text = await asyncio.wait_for(anext(events), 30)
        if text.startswith("event: "):
            name, data = text.strip().split("\n")
            return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


async def test_a_new_reader_hears_everything_and_then_only_changes():
    line, stopping = Line(), asyncio.Event()
    events = reader(BoardStreams(tick_s=0.01), line, stopping)
    assert await next_event(events) == ("tile", {"id": "tile-L1", "html": "<p>1</p>"})
    assert (await next_event(events))[0] == "alert"
    assert (await next_event(events))[0] == "beat"
    line.html = "<p>\n2</p>"
    assert await next_event(events) == ("tile", {"id": "tile-L1", "html": "<p>\n2</p>"})
    stopping.set()
    assert [event async for event in events] == []


async def test_a_line_is_told_at_most_once_a_tick():
    line, stopping = Line(), asyncio.Event()
    events = reader(BoardStreams(tick_s=0.05), line, stopping)
    began = asyncio.get_running_loop().time()
    tiles = 0
    while tiles < 4:
        line.html = f"<p>{asyncio.get_running_loop().time()}</p>"
        name, _ = await next_event(events)
        tiles += name == "tile"
    assert asyncio.get_running_loop().time() - began >= 0.14
    await events.aclose()


async def test_readers_of_the_same_thing_share_a_look():
    line, stopping = Line(), asyncio.Event()
    streams = BoardStreams(tick_s=10.0)
    readers = [reader(streams, line, stopping) for _ in range(20)]
    for events in readers:
        assert (await next_event(events))[0] == "tile"
    assert line.looks == 1
    other = reader(streams, line, stopping, key="L2")
    await next_event(other)
    assert line.looks == 2
    for events in (*readers, other):
        await events.aclose()


async def test_while_the_database_is_away_no_beat_comes_and_then_it_goes_on(caplog):
    line, stopping = Line(), asyncio.Event()
    line.broken = True
    streams = BoardStreams(tick_s=0.01)
    events = reader(streams, line, stopping)
    waiting = asyncio.create_task(next_event(events))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    line.broken = False
    assert (await waiting)[0] == "tile"
    assert "the database cannot be read" in caplog.text
    await events.aclose()


async def test_streams_are_capped_and_freed_when_a_reader_leaves():
    line, stopping = Line(), asyncio.Event()
    streams = BoardStreams(tick_s=10.0)
    readers = [reader(streams, line, stopping) for _ in range(MOST_STREAMS)]
    for events in readers:
        await next_event(events)
    assert streams.full
    await readers[0].aclose()
    assert not streams.full
    for events in readers[1:]:
        await events.aclose()
    assert streams._looks == {}
