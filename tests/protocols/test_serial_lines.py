import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.barcodes import is_trade_item
from protocols.serial_lines import Framing, Junk, Line, LineFramer


def framer(framing=Framing.LINE, *, opened=False, max_bytes=16):
    """`opened`: just now, so that nobody knows whether a line began."""
    made = LineFramer(framing, max_bytes=max_bytes)
    if not opened:
        assert list(made.silence()) == []
    return made


def texts(items):
    return [item.text if isinstance(item, Line) else (item.reason, item.raw) for item in items]


@pytest.mark.parametrize(
    ("framing", "stream"),
    [
        (Framing.LINE, b"12\r34\n56\r\n78\n\r\n"),
        (Framing.CR, b"12\r34\r56\r78\r"),
        (Framing.LF, b"12\n34\n56\n78\n"),
        (Framing.CRLF, b"12\r\n34\r\n56\r\n78\r\n"),
        (Framing.STX_ETX, b"\x0212\x03\x0234\x03\r\n\x0256\x03\x0278\x03"),
    ],
)
def test_lines_in_every_framing(framing, stream):
    assert texts(framer(framing).feed(stream)) == ["12", "34", "56", "78"]


def test_what_was_under_way_when_the_port_was_opened_is_junk():
    (junk, line) = framer(opened=True).feed(b"\xff34\r\n35\r\n")
    assert junk == Junk(offset=0, reason="the port was opened inside it", raw=b"\xff34\r")
    assert line == Line(text="35", offset=5, raw=b"35\r")


def test_an_opening_between_two_ends_loses_no_line():
    assert texts(framer(opened=True).feed(b"\n35\r\n")) == ["35"]


def test_after_a_silence_a_line_begins():
    made = framer(opened=True)
    assert list(made.silence()) == []
    assert texts(made.feed(b"35\r")) == ["35"]
    assert list(made.feed(b"3")) == []
    assert texts(made.silence()) == [("it broke off", b"3")]
    assert texts(made.feed(b"36\r")) == ["36"]


def test_stx_begins_a_frame_wherever_it_comes():
    made = framer(Framing.STX_ETX, opened=True)
    assert texts(made.feed(b"9\x03\x0212\x023\x034\x03\x02\x03")) == [
        ("the port was opened inside it", b"9\x03"),
        ("the next frame starts inside it", b"\x0212"),
        "3",
        ("no STX before it", b"4\x03"),
        ("nothing in it", b"\x02\x03"),
    ]


def test_a_line_without_end_is_cut_and_its_rest_is_no_line():
    assert texts(framer().feed(b"x" * 20 + b"\r1\r")) == [
        ("no end within 16 bytes", b"x" * 16),
        ("the rest of a line that is too long", b"xxxx\r"),
        "1",
    ]


def test_what_is_no_text():
    assert texts(framer().feed(b"\xff\xfe\r1\x002\r\xe6\x89\x93\r(01)0\x1d7\r")) == [
        ("no text (UTF-8)", b"\xff\xfe\r"),
        ("control characters in it", b"1\x002\r"),
        "打",
        "(01)0\x1d7",
    ]
    assert texts(framer().eof()) == []
    made = framer()
    assert list(made.feed(b"12")) == []
    assert texts(made.eof()) == [("the stream ended inside it", b"12")]


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([b"1", b"\r", b"\n", b"\x02", b"\x03", b"\xff", b"abc"]), max_size=40),
    st.sampled_from(Framing),
    st.integers(1, 7),
)
def test_cuts_change_nothing_and_no_byte_comes_twice(parts, framing, size):
    stream = b"".join(parts)
    whole, cut = framer(framing, opened=True), framer(framing, opened=True)
    items = [*whole.feed(stream), *whole.eof()]
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert [item for piece in pieces for item in cut.feed(piece)] + [*cut.eof()] == items
    end = 0
    for item in items:
        assert item.offset >= end
        assert stream[item.offset : item.offset + len(item.raw)] == item.raw
        assert not stream[end : item.offset].strip(b"\r\n")  # only filler comes out nowhere
        assert len(item.raw) <= 16 + 1
        end = item.offset + len(item.raw)


@pytest.mark.parametrize("code", ["4006381333931", "96385074", "036000291452", "10614141000415"])
def test_product_numbers(code):
    assert is_trade_item(code)
    assert not is_trade_item(code[:-1] + str((int(code[-1]) + 1) % 10))


@pytest.mark.parametrize(
    "code", ["", "400638133393", "４００６３８１３３３９３１", "A006381333931"]
)
def test_what_is_no_product_number(code):
    assert not is_trade_item(code)
