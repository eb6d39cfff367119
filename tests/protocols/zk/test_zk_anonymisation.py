"""Made-up people in the place of true ones: where a driver's recording does not reach."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.zk.anonymisation import anonymise
from protocols.zk.anonymised_records import (
    Blank,
    anonymised_attendance,
    anonymised_event,
    anonymised_operations,
    anonymised_users,
)
from protocols.zk.attendance import AttendanceRow, Layout, encode_attendance
from protocols.zk.capture import Segment, read_tcp, read_udp
from protocols.zk.clock import pack_time, unpack_time
from protocols.zk.commands import EVENT, Command, Reply
from protocols.zk.events import LiveRow, encode_attlog_event, parse_attlog_event
from protocols.zk.framing import Packet, encode_packet, encode_tcp
from protocols.zk.layouts import unpack_rows
from protocols.zk.pseudonyms import Pseudonyms

KEY = b"k" * 32
DAYS = 100
TIME = datetime(2026, 9, 7, 8, 1, 2)


def pseudonyms(*, survey=None, key=KEY):
    return Pseudonyms(key, DAYS, survey)


def asked(command, data, answer, *, reply=Reply.ACK_OK):
    """One exchange; the answer's data after it was made anonymous."""
    request = Packet(command=command, session=1, reply_id=5, data=data)
    answered = Packet(command=reply, session=1, reply_id=5, data=answer)
    segments = [
        Segment(sent=True, data=encode_tcp(request)),
        Segment(sent=False, data=encode_tcp(answered)),
    ]
    made = anonymise(segments, transport="tcp", key=KEY, days=DAYS, now_year=2026)
    first, second = read_tcp(made.segments)
    return first.packet.data, second.packet.data, made.blanked


@given(st.from_regex(r"[0-9A-Za-z]{1,24}", fullmatch=True))
def test_an_id_keeps_length_form_and_leading_zeros(user_id):
    made = pseudonyms().user_id(user_id)
    assert len(made) == len(user_id)
    assert len(made) - len(made.lstrip("0")) == len(user_id) - len(user_id.lstrip("0"))
    assert [c.isdigit() for c in made] == [c.isdigit() for c in user_id]


@given(st.sets(st.integers(min_value=1, max_value=999), max_size=300))
def test_different_people_stay_different(numbers):
    one = pseudonyms()
    assert len({one.user_number(number) for number in numbers}) == len(numbers)
    assert len({one.uid(number) for number in numbers}) == len(numbers)


def test_every_id_of_one_digit_may_be_taken():
    one = pseudonyms()
    assert sorted(one.user_number(number) for number in range(1, 10)) == list(range(1, 10))


def test_the_id_as_text_with_zeros_and_as_a_number_is_one_person():
    one = pseudonyms()
    assert int(one.user_id("000731")) == one.user_number(731) == int(one.user_id("731"))


@given(st.integers(min_value=0, max_value=0xFFFF_FFFF))
def test_numbers_stay_numbers_of_32_bits(number):
    one = pseudonyms()
    assert one.user_number(number) <= 0xFFFF_FFFF
    assert one.card(number) <= 0xFFFF_FFFF
    assert len(str(one.card(number))) == len(str(number))


def test_a_made_up_id_is_nobody_elses_true_one():
    survey = pseudonyms()
    numbers = range(1000, 1800)
    for number in numbers:
        survey.user_number(number)
    second = pseudonyms(survey=survey)
    assert not {second.user_number(number) for number in numbers} & set(numbers)


def test_another_key_makes_other_people():
    assert pseudonyms().user_id("90317264") != pseudonyms(key=b"x" * 32).user_id("90317264")


@given(st.integers(min_value=0, max_value=0xFFFF_FFFF))
def test_a_time_goes_back_by_whole_days_or_was_none(packed):
    survey = pseudonyms()
    survey.packed_time(packed)
    moved = pseudonyms(survey=survey).packed_time(packed)
    before, after = unpack_time(packed), unpack_time(moved)
    if moved != packed:
        assert before.time() == after.time()
        assert before - after == timedelta(days=DAYS) or after.date() == datetime(2010, 1, 1).date()
    else:
        first_day = before is not None and before.date() == datetime(2010, 1, 1).date()
        in_range = before is not None and 2010 <= before.year < 2100
        assert first_day or not in_range or packed == 0x5A5A5A5A


def test_order_is_kept_also_where_a_log_begins_before_the_days_end():
    times = [datetime(2010, 1, 20, 8), datetime(2010, 1, 20, 17), datetime(2010, 3, 1, 8)]
    survey = pseudonyms()
    for time in times:
        survey.time(time)
    second = pseudonyms(survey=survey)
    moved = [second.time(time) for time in times]
    assert [b - a for a, b in pairwise(moved)] == [b - a for a, b in pairwise(times)]
    assert moved[0] == datetime(2010, 1, 1, 8)


@pytest.mark.parametrize(
    ("name", "code_page"),
    [
        ("Wang Xiaoming", "ascii"),
        ("王小明", "utf-8"),
        ("王小明李", "gbk"),
        ("José Muñoz", "cp1252"),
        ("محمد", "cp1256"),
        ("Ольга", "utf-8"),
    ],
)
def test_a_name_keeps_length_and_code_page(name, code_page):
    raw = name.encode(code_page).ljust(24, b"\0")
    made = pseudonyms().name(raw)
    assert len(made) == 24
    assert made.rstrip(b"\0") != raw.rstrip(b"\0")
    assert len(made.rstrip(b"\0")) == len(raw.rstrip(b"\0"))
    made.rstrip(b"\0").decode(code_page)
    if code_page not in {"ascii", "utf-8"}:
        with pytest.raises(UnicodeDecodeError):
            made.rstrip(b"\0").decode("utf-8")


def test_stale_bytes_behind_a_text_are_blanked():
    record = bytearray(
        encode_attendance([AttendanceRow(uid=3, user_id="7", time=TIME)], Layout.ATT40)
    )
    record[6:12] = b"Wangxi"
    record[36:40] = b"card"
    blank = Blank()
    made = anonymised_attendance(bytes(record), Layout.ATT40, pseudonyms(), blank)
    assert made[3:26] == bytes(23)
    assert made[36:40] == bytes(4)
    assert blank.bytes == 10


@pytest.mark.parametrize("layout", Layout)
def test_verify_state_and_time_of_day_stay_in_every_layout(layout):
    rows = [
        AttendanceRow(uid=9, user_id="90317264", time=TIME, state=1, verify=2),
        AttendanceRow(uid=8, user_id="88120935", time=TIME, state=0, verify=1),
    ]
    table = encode_attendance(rows, layout)
    made = anonymised_attendance(table, layout, pseudonyms(), Blank())
    moved = pack_time(TIME - timedelta(days=DAYS))
    for old, new in zip(unpack_rows(table, layout), unpack_rows(made, layout), strict=True):
        assert old[0] != new[0]
        assert (old[1], old[3], old[4]) == (new[1], new[3], new[4])
        assert new[2] == moved


@pytest.mark.parametrize("fill", [0x00, 0x5A, 0xFF])
def test_worn_flash_stays_worn(fill):
    record = bytes([fill]) * 40
    assert anonymised_attendance(record, Layout.ATT40, pseudonyms(), Blank()) == record


def test_a_cut_record_is_blanked():
    blank = Blank()
    assert anonymised_attendance(b"\x01\x00907", Layout.ATT40, pseudonyms(), blank) == bytes(5)
    assert blank.bytes == 4


def test_a_work_code_that_is_somebody_or_too_long_for_a_menu_is_replaced():
    survey = pseudonyms()
    survey.user_id("7731")
    one = pseudonyms(survey=survey)
    assert one.work_code(12) == 12
    assert one.work_code(7732) == 7732
    assert one.work_code(7731) == one.user_number(7731) != 7731
    assert one.work_code(90_317_264) != 90_317_264


@pytest.mark.parametrize("length", [10, 12, 14, 32, 36, 37, 52])
def test_live_events_of_every_length(length):
    row = LiveRow(uid=77, user_id="90317264", verify=1, state=1, time=TIME, work_code=5, raw=b"")
    payload = encode_attlog_event(row, length)
    (made,) = parse_attlog_event(anonymised_event(1, payload, pseudonyms(), Blank()))
    assert (made.verify, made.state, len(made.raw)) == (1, 1, length)
    assert made.time == TIME - timedelta(days=DAYS)
    assert made.uid != 77
    assert made.user_id != "90317264"


def test_other_events_are_blanked_and_nobody_stays_nobody():
    blank = Blank()
    assert anonymised_event(1, b"\xee" * 11, pseudonyms(), blank) == bytes(11)
    assert anonymised_event(512, b"1234", pseudonyms(), blank) == bytes(4)
    assert blank.bytes == 15
    assert anonymised_event(128, b"\xff\xff\xff\xff\x01", pseudonyms(), blank)[:4] == b"\xff" * 4


def test_the_operation_log_tells_what_and_when_only():
    entry = b"\x07\x00\x15\x00" + pack_time(TIME).to_bytes(4, "little") + b"Wangxiao"
    made = anonymised_operations(entry, pseudonyms(), Blank())
    assert made[2:4] == b"\x15\x00"
    assert made[:2] != entry[:2]
    assert made[8:] == bytes(8)


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [
        ("~Platform", "ZMM210_TFT", "same"),
        ("~SerialNumber", "QXR7724190083", "class"),
        ("MAC", "00:17:61:AB:CD:57", "class"),
        ("IPAddress", "10.20.30.41", "class"),
        ("COMKey", "915243", "blank"),
        ("WirelessSSID", "Wang-Home", "blank"),
    ],
)
def test_options(key, value, kept):
    asked_for, answer, blanked = asked(
        Command.OPTIONS_RRQ, f"{key}\0".encode(), f"{key}={value}\0".encode()
    )
    assert asked_for == f"{key}\0".encode()
    name, _, made = answer.rstrip(b"\0").decode().partition("=")
    assert name == key
    assert len(made) == len(value)
    match kept:
        case "same":
            assert made == value
        case "class":
            assert made != value
            assert [c.isalnum() for c in made] == [c.isalnum() for c in value]
            assert blanked == 0
        case _:
            assert made == "x" * len(value)
            assert blanked == len(value)


def test_a_serial_in_a_text_that_is_harmless_else_is_not_shown():
    def pair(reply_id, command, data, answer):
        request = Packet(command=command, session=1, reply_id=reply_id, data=data)
        reply = Packet(command=Reply.ACK_OK, session=1, reply_id=reply_id, data=answer)
        yield Segment(sent=True, data=encode_packet(request))
        yield Segment(sent=False, data=encode_packet(reply))

    segments = [
        *pair(1, Command.GET_VERSION, b"", b"Ver 6.60 QXR7724190083\0"),
        *pair(2, Command.OPTIONS_RRQ, b"~SerialNumber\0", b"~SerialNumber=QXR7724190083\0"),
    ]
    made = anonymise(segments, transport="udp", key=KEY, days=DAYS, now_year=2026)
    assert list(read_udp(made.segments))[1].packet.data == b"x" * 22 + b"\0"


@pytest.mark.parametrize(
    ("command", "data", "reply"),
    [
        (Command.AUTH, b"\x61\x4d\x32\x3c", b""),
        (Command.GET_USERTEMP, b"\x07\x00\x01", b"template of somebody"),
        (99, b"what nobody knows", b"and its answer"),
        (Command.USERTEMP_WRQ, b"Wang Xiaoming", b"Wang"),
        (Command.STATE_RRQ, b"", b"Wang"),
    ],
)
def test_what_is_not_understood_never_passes(command, data, reply):
    request, answer, _ = asked(command, data, reply)
    assert request == bytes(len(data))
    assert answer == bytes(len(reply))


def test_a_table_that_nobody_can_read_is_blanked_and_said():
    table = bytes(range(7, 207)) * 2
    sized = len(table).to_bytes(4, "little") + table
    segments = [
        Segment(
            sent=True,
            data=encode_tcp(
                Packet(
                    command=Command.PREPARE_BUFFER,
                    session=1,
                    reply_id=1,
                    data=b"\x01\x0d\x00" + bytes(8),
                )
            ),
        ),
        Segment(
            sent=False,
            data=encode_tcp(Packet(command=Reply.DATA, session=1, reply_id=1, data=sized)),
        ),
    ]
    made = anonymise(segments, transport="tcp", key=KEY, days=DAYS, now_year=2026)
    assert made.tables == ("attendance: blanked",)
    assert made.blanked == len(table)
    assert list(read_tcp(made.segments))[1].packet.data == sized[:4] + bytes(len(table))


@given(
    st.lists(st.tuples(st.booleans(), st.binary(max_size=120)), max_size=12),
    st.sampled_from(["tcp", "udp"]),
)
def test_rubbish_keeps_its_lengths_and_nothing_else(pieces, transport):
    segments = [Segment(sent=sent, data=b"\xfe" + data) for sent, data in pieces]
    made = anonymise(segments, transport=transport, key=KEY, days=DAYS, now_year=2026)
    assert [(s.sent, len(s.data)) for s in made.segments] == [
        (s.sent, len(s.data)) for s in segments
    ]


@given(st.data())
def test_any_packet_with_a_secret_where_no_field_is_known_loses_it(data):
    secret = b"Wang Xiaoming"
    command = data.draw(st.sampled_from(list(Command)) | st.integers(1, 0xFFFF))
    reply = data.draw(st.sampled_from(list(Reply)) | st.integers(1, 0xFFFF))
    session = data.draw(st.integers(min_value=0, max_value=0xFFFF))
    prefix = data.draw(st.binary(max_size=12))
    packets = [
        (True, Packet(command=command, session=session, reply_id=3, data=prefix + secret)),
        (False, Packet(command=reply, session=session, reply_id=3, data=prefix + secret)),
        (False, Packet(command=EVENT, session=session, reply_id=0, data=prefix + secret)),
    ]
    segments = [Segment(sent=sent, data=encode_packet(packet)) for sent, packet in packets]
    made = anonymise(segments, transport="udp", key=KEY, days=DAYS, now_year=2026)
    kept = {Command.GET_VERSION}  # a text that is shown, unless somebody of the session is in it
    if command not in kept:
        assert not any(secret in segment.data for segment in made.segments)


def test_users_of_both_widths_keep_what_is_no_secret():
    wide = b"\x07\x00\x0e" + b"5820391\0" + b"Wang Xiaoming".ljust(24, b"\0")
    wide += (3140825719).to_bytes(4, "little") + b"\x02" + bytes(8) + b"90317264".ljust(24, b"\0")
    assert len(wide) == 72
    made = anonymised_users(wide, 72, pseudonyms(), Blank())
    assert len(made) == 72
    assert (made[2:3], made[39:40]) == (b"\x0e", b"\x02")
    for secret in (b"582", b"Wang", b"9031", (3140825719).to_bytes(4, "little")):
        assert secret not in made
