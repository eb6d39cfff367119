"""Orders to a terminal, byte for byte, and names in its code page."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import RefusedError
from protocols.zk import administration
from protocols.zk.commands import Command, Reply
from protocols.zk.exchange import Request, UnansweredOrderError
from protocols.zk.oplog import Operation, decode_operations, encode_operations
from protocols.zk.refusals import UnknownCommandError
from protocols.zk.user_names import UserTextError, decode_name, encode_name
from protocols.zk.users import NAME_BYTES, User, encode_users, free_uid, record_to_write
from tests.protocols.zk.scripted_terminal import Play, packet

ORDERS = [
    (
        administration.set_time(datetime(2026, 11, 21, 8, 30)),
        [(Command.SET_TIME, "88b28233"), (Command.REFRESH_DATA, "")],
    ),
    (
        administration.write_user(b"\x01\x02"),
        [(Command.USER_WRQ, "0102"), (Command.REFRESH_DATA, "")],
    ),
    (
        administration.delete_user(0x0201),
        [(Command.DELETE_USER, "0102"), (Command.REFRESH_DATA, "")],
    ),
    (administration.unlock(30), [(Command.UNLOCK, "1e000000")]),
    (administration.restart(), [(Command.RESTART, "")]),
    (administration.disable_device(60), [(Command.DISABLE_DEVICE, "3c000000")]),
    (administration.enable_device(), [(Command.ENABLE_DEVICE, "")]),
    (
        administration.clear_attendance(),
        [(Command.CLEAR_ATTLOG, ""), (Command.REFRESH_DATA, "")],
    ),
]


@pytest.mark.parametrize(("order", "sent"), ORDERS, ids=lambda value: None)
def test_what_an_order_sends(order, sent):
    play = Play(lambda request: [packet(Reply.ACK_OK)])
    play.run(order)
    assert [(asked.command, asked.data.hex()) for asked in play.requests] == sent


@pytest.mark.parametrize(
    ("order", "once"),
    [
        (administration.set_time(datetime(2026, 11, 21)), True),
        (administration.write_user(b"\x01"), True),
        (administration.delete_user(1), True),
        (administration.unlock(1), True),
        (administration.clear_attendance(), True),
        (administration.disable_device(60), False),  # harmless the second time
        (administration.enable_device(), False),
    ],
    ids=lambda value: None,
)
def test_what_must_not_happen_twice_is_sent_once_and_silence_says_that_nobody_knows(order, once):
    play = Play(lambda request: [])
    with pytest.raises(UnansweredOrderError):
        play.run(order)
    (request,) = play.requests
    assert request.once == once


def test_a_restart_without_an_answer_is_told_and_a_refused_one_is_an_error():
    play = Play(lambda request: [])
    assert play.run(administration.restart()) is False
    assert play.requests == [Request(Command.RESTART, once=True)]
    assert Play(lambda request: [packet(Reply.ACK_OK)]).run(administration.restart()) is True
    with pytest.raises(UnknownCommandError):
        Play(lambda request: [packet(Reply.UNKNOWN_COMMAND)]).run(administration.restart())


def test_a_refusal_names_the_command_and_nothing_follows():
    play = Play(lambda request: [packet(Reply.ACK_ERROR)])
    with pytest.raises(RefusedError) as caught:
        play.run(administration.clear_attendance())
    assert caught.value.request == Command.CLEAR_ATTLOG
    assert play.requests == [Request(Command.CLEAR_ATTLOG, once=True)]


def test_a_year_that_no_terminal_holds_is_sent_to_none():
    play = Play(lambda request: [packet(Reply.ACK_OK)])
    with pytest.raises(ValueError, match="1970"):
        play.run(administration.set_time(datetime(1970, 1, 1)))
    assert play.requests == []


# names


@pytest.mark.parametrize(
    ("name", "encoding", "limit", "cut"),
    [
        ("张伟", "gbk", 8, "张伟"),
        ("欧阳建国华", "gbk", 8, "欧阳建国"),
        ("欧阳建国", "gbk", 7, "欧阳建"),
        ("张伟", "utf-8", 5, "张"),
        ("张A伟", "utf-8", 6, "张A"),
        ("PEÑA PEÑA", "cp1252", 4, "PEÑA"),
        ("محمد", "cp1256", 3, "محم"),
        ("محمد", "utf-8", 7, "محم"),
        ("Jose\u0301", "utf-8", 5, "Jos"),  # an accent of its own is not cut off its letter
        ("", "gbk", 8, ""),
    ],
)
def test_a_name_is_cut_after_a_whole_character(name, encoding, limit, cut):
    assert encode_name(name, encoding, limit).decode(encoding) == cut


@given(
    st.text(st.characters(codec="gbk", exclude_categories=["C", "Z"])),
    st.sampled_from(["gbk", "utf-8", "gb18030"]),
    st.integers(0, 24),
)
def test_a_cut_name_is_always_a_beginning_of_it(name, encoding, limit):
    encoded = encode_name(name, encoding, limit)
    assert len(encoded) <= limit
    assert name.startswith(encoded.decode(encoding))


@pytest.mark.parametrize(
    ("name", "encoding", "named"),
    [
        ("Ann 张", "cp1252", '"张" (U+5F20)'),
        ("PEÑA محمد", "cp1256", '"Ñ" (U+00D1)'),
        ("Zoë ☃", "gbk", '"ë" (U+00EB)'),
        ("a\0b", "utf-8", "(U+0000)"),
        ("a\nb", "utf-8", "(U+000A)"),
    ],
)
def test_a_character_that_the_code_page_lacks_is_named(name, encoding, named):
    with pytest.raises(UserTextError) as caught:
        encode_name(name, encoding, 23)
    assert named in str(caught.value)


def test_a_chinese_name_that_looks_like_utf8_is_read_as_chinese():
    raw = "小平".encode("gbk")
    assert raw.decode() != "小平", "it is valid UTF-8 for something else"
    assert decode_name(raw, "gbk") == decode_name("小平".encode(), "gbk") == "小平"
    assert decode_name(raw, "cp1252") == raw.decode()
    assert decode_name(b"Ann", "gbk") == "Ann"


# users


PEOPLE = [User(uid=1, user_id="007", name="A"), User(uid=9, user_id="8", name="B")]


@pytest.mark.parametrize("width", [72, 28])
def test_a_password_stays_unless_a_new_one_is_given(width):
    people = [User(uid=1, user_id="7"), User(uid=9, user_id="8")]
    table = encode_users(people, width, passwords={1: "111", 9: "999"})
    changed = User(uid=9, user_id="8", name="New")
    end = 11 if width == 72 else 8
    assert record_to_write(table, changed, width)[3:end].rstrip(b"\0") == b"999"
    assert record_to_write(table, changed, width, password="12")[3:end].rstrip(b"\0") == b"12"
    assert record_to_write(table, changed, width, password="")[3:end].rstrip(b"\0") == b""
    new = User(uid=5, user_id="5")
    assert record_to_write(table, new, width)[3:end].rstrip(b"\0") == b""


def test_a_new_user_is_in_group_one_without_time_zones_of_its_own():
    record = record_to_write(b"", User(uid=1, user_id="007"), 72)
    assert (record[39], record[40:48]) == (1, bytes(8))


@pytest.mark.parametrize(
    ("user", "width", "password", "named"),
    [
        (User(uid=1, user_id="007"), 28, None, "leading zeros"),
        (User(uid=1, user_id="A7"), 28, None, "A7"),
        (User(uid=1, user_id=""), 72, None, "1 to 24"),
        (User(uid=1, user_id="x" * 25), 72, None, "1 to 24"),
        (User(uid=1, user_id="张"), 72, None, "ASCII"),
        (User(uid=1, user_id="1", card=1 << 32), 72, None, "does not fit"),
        (User(uid=1, user_id="1"), 72, "geheim-und-lang", "password of user 1"),
        (User(uid=1, user_id="1"), 72, "geheimß", "password of user 1"),
    ],
)
def test_what_no_record_holds_is_refused_without_telling_a_password(user, width, password, named):
    with pytest.raises(UserTextError) as caught:
        record_to_write(b"", user, width, password=password)
    assert named in str(caught.value)
    assert "geheim" not in str(caught.value)


def test_a_new_number_is_above_all_that_were_given():
    assert free_uid([]) == 1
    assert free_uid([User(uid=3, user_id="3")]) == 4
    assert free_uid([User(uid=0xFFFE, user_id="3"), User(uid=1, user_id="1")]) == 2
    full = [User(uid=uid, user_id="x") for uid in range(1, 0xFFFF)]
    with pytest.raises(UserTextError, match="taken"):
        free_uid(full)


# operation log


@given(
    st.builds(
        Operation,
        operation=st.integers(0, 255),
        time=st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)).map(
            lambda time: time.replace(microsecond=0)
        ),
        admin=st.integers(0, 0xFFFF),
        numbers=st.tuples(*[st.integers(0, 0xFFFF)] * 4),
    )
)
def test_operations_round_trip(entry):
    raw = encode_operations([entry])
    (event,) = decode_operations(raw, serial="S1")
    assert (event.device_time, event.raw) == (entry.time, raw)
    assert (event.detail["operation"], event.detail["admin"]) == (entry.operation, entry.admin)
    assert tuple(event.detail[f"p{place}"] for place in range(1, 5)) == entry.numbers


def test_an_operation_that_does_not_fit():
    with pytest.raises(ValueError, match="16 bytes"):
        encode_operations([Operation(operation=256, time=datetime(2026, 1, 1))])


def test_the_wide_name_keeps_room_for_its_nul():
    assert NAME_BYTES == {72: 23, 28: 8}
