import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.rdm6300 import MAX_NOISE_BYTES, BadFrame, CardFrame, CardFramer, encode_card

FORUM_FRAME = bytes.fromhex("0230313030313239334438353803")  # specs/vendors/card_readers_serial.md
FORUM_DATA = bytes.fromhex("01001293D8")

cards = st.builds(encode_card, st.binary(min_size=5, max_size=5), crlf=st.booleans())


def read(*pieces):
    framer = CardFramer()
    items = [item for piece in pieces for item in framer.feed(piece)]
    return items + list(framer.eof())


def test_the_frame_of_the_spec():
    (frame,) = read(FORUM_FRAME)
    assert frame == CardFrame(data=FORUM_DATA, raw=FORUM_FRAME, offset=0)
    assert (frame.card, frame.hex) == ("0001217496", "01001293D8")
    assert encode_card(FORUM_DATA) == FORUM_FRAME


def test_the_frame_of_the_data_sheet():
    (frame,) = read(b"\x0262E3086CED08\x03")
    assert frame.card == "3808980205"


def test_id_12_puts_a_line_end_before_the_end_mark():
    wire = encode_card(FORUM_DATA, crlf=True)
    assert wire == FORUM_FRAME[:-1] + b"\r\n\x03"
    (frame,) = read(wire)
    assert frame.card == "0001217496"
    assert frame.raw == wire


def test_clones_with_small_letters():
    (frame,) = read(FORUM_FRAME.lower())
    assert (frame.hex, frame.raw) == ("01001293D8", FORUM_FRAME.lower())


def test_a_card_has_five_bytes():
    with pytest.raises(ValueError, match="five bytes"):
        encode_card(b"\0" * 4)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (FORUM_FRAME.replace(b"58", b"59"), "checksum 59, computed 58"),
        (FORUM_FRAME[:6] + FORUM_FRAME[7:], "0x03 where a hex digit"),
        (FORUM_FRAME[:5] + b" " + FORUM_FRAME[6:], "0x20 where a hex digit"),
        (FORUM_FRAME[:-1] + b"0\x03", "where the end of the frame"),
        (FORUM_FRAME[:-1] + b"\r\x03", "where the end of the frame"),
        (FORUM_FRAME[:7], "the next frame starts inside"),
        (b"\xff\x00\x7f", "noise before a frame"),
    ],
)
def test_bad_bytes_come_out_whole_and_the_next_card_is_read(bad, reason):
    first, second = read(bad + FORUM_FRAME)
    assert isinstance(first, BadFrame)
    assert reason in first.reason
    assert (first.raw, first.offset) == (bad, 0)
    assert second == CardFrame(data=FORUM_DATA, raw=FORUM_FRAME, offset=len(bad))


def test_a_stream_that_ends_inside_a_frame():
    (bad,) = read(FORUM_FRAME[:9])
    assert bad.reason == "the stream ended inside this frame"
    assert bad.raw == FORUM_FRAME[:9]


def test_endless_noise_comes_out_in_capped_pieces():
    items = read(b"\x55" * 200)
    assert [len(item.raw) for item in items] == [MAX_NOISE_BYTES] * 3 + [8]
    assert [item.offset for item in items] == [0, 64, 128, 192]


@settings(deadline=None)
@given(
    st.lists(st.one_of(cards, st.binary(max_size=20)), max_size=8),
    st.lists(st.integers(0, 300), max_size=20),
)
def test_every_byte_comes_out_once_wherever_the_stream_was_cut(parts, cuts):
    wire = b"".join(parts)
    edges = [0, *sorted(cut % (len(wire) + 1) for cut in cuts), len(wire)]
    pieces = [wire[start:end] for start, end in itertools.pairwise(edges)]
    items = read(*pieces)
    assert items == read(wire)
    assert b"".join(item.raw for item in items) == wire
    assert all(wire[item.offset : item.offset + len(item.raw)] == item.raw for item in items)


@settings(deadline=None)
@given(st.lists(cards, max_size=8))
def test_good_frames_all_come_out(frames):
    items = read(b"".join(frames))
    assert [item.raw for item in items if isinstance(item, CardFrame)] == frames


def test_the_captured_streams(shared_data):
    stream = (shared_data / "vendors" / "rdm6300_frames.bin").read_bytes()
    first, second, third, *held = read(stream)
    assert [frame.card for frame in (first, second, third)] == [
        "0001217496",
        "0001217485",
        "0013477100",
    ]
    assert [frame.card for frame in held] == ["0001217496"] * 3
