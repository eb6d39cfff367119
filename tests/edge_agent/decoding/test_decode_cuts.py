"""A capture cut at any byte: the whole records before the cut come out, the rest is one row."""

import pytest

from protocols.zk.attendance import Layout
from protocols.zk.framing import encode_tcp
from tests.edge_agent.decoding.captures import Wire, capture, decode, log, of_kind

ROWS = 6
ATTENDANCE = "010d000000000000000000"


@pytest.mark.parametrize("layout", [Layout.ATT40, Layout.ATT49, Layout.ATT36, Layout.ATT16])
def test_a_download_cut_at_every_byte(layout: Layout) -> None:
    table = log(layout, ROWS)
    wire = Wire().read_table(ATTENDANCE, table)
    stream = b"".join(encode_tcp(packet) for side, packet in wire.packets if side == "RX")
    begin = stream.index(table[: layout.width])
    asked = [("TX", encode_tcp(packet)) for side, packet in wire.packets if side == "TX"]
    whole = [
        table[start : start + layout.width].hex() for start in range(0, len(table), layout.width)
    ]
    # Two rows of numbers may be anything: then the bytes come out as they are, and no row.
    sure = 3 if layout is Layout.ATT16 else 2
    for end in range(begin + sure * layout.width, begin + len(table) + 1):
        rows, _ = decode("zk-frames", capture([*asked, ("RX", stream[:end])]))
        count, rest = divmod(end - begin, layout.width)
        assert [punch["raw"] for punch in of_kind(rows, "punch")] == whole[:count], end
        bad = of_kind(rows, "quarantined")
        assert len(bad) == (rest > 0), end
        if rest:
            assert bad[0]["raw"] == table[count * layout.width :][:rest].hex()
