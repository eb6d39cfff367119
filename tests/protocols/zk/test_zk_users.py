"""User tables: real bytes, masked passwords, names in undeclared code pages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.records import Quarantined
from protocols.zk.user_names import decode_name
from protocols.zk.users import (
    User,
    choose_user_width,
    decode_users,
    encode_users,
    mask_password,
)

# CMD_USER_WRQ of an F19: manager, password 123456, card 6543, group 1, id 11224488.
F19 = bytes.fromhex(
    "0e0006313233343536007c4e7565766f000000000000000000000000000000000000008f190000"
    "010000000000000000313132323434383800000000000000000000000000000000"
)
# udp_users28_packet0.json: a disabled user, stale bytes where the password would be.
NARROW = bytes.fromhex("193f0100ffffff3a4c494d4f4e5550410000000000010000193f0000")


def decode(table, **options):
    return list(decode_users(table, encoding="gb18030", source="S1", **options))


def test_a_real_wide_record():
    (user,) = decode(F19)
    assert (user.uid, user.user_id, user.name) == (14, "11224488", "Nuevo")
    assert (user.privilege, user.disabled, user.card, user.group) == (6, False, 6543, 1)


def test_a_real_narrow_record():
    (user,) = decode(NARROW)
    assert (user.uid, user.user_id, user.name) == (16153, "16153", "LIMONUPA")
    assert (user.privilege, user.disabled, user.privilege_byte) == (0, True, 1)
    assert (user.card, user.group) == (0, 1)


@pytest.mark.parametrize(("record", "secret"), [(F19, b"123456"), (NARROW, b"\xff\xff\xff\x3a")])
def test_passwords_never_leave(record, secret):
    assert secret in record
    (user,) = decode(record)
    assert secret not in user.raw
    assert len(user.raw) == len(record)
    (cut,) = decode(record[:12], width=len(record))
    assert isinstance(cut, Quarantined)
    assert cut.raw[3:8] == bytes(5)


@pytest.mark.parametrize(
    ("raw", "encoding", "name"),
    [
        ("张伟".encode(), "gb18030", "张伟"),
        ("张伟".encode("gb18030"), "gb18030", "张伟"),
        (b"PE\xd1A", "cp1252", "PEÑA"),
        (b"\xd5", "gb18030", None),  # half a character: kept as bytes, never ignored
        (b"", "gb18030", ""),
    ],
)
def test_names(raw, encoding, name):
    assert decode_name(raw, encoding) == name


def test_stale_bytes_after_the_name_are_cut():
    record = F19[:11] + b"Al\0stale" + F19[19:]
    (user,) = decode(record)
    assert (user.name, user.name_raw) == ("Al", b"Al")


def test_an_empty_name_stays_empty_and_ids_stay_text():
    table = encode_users([User(uid=1, user_id="007", name="")], 72)
    (user,) = decode(table)
    assert (user.user_id, user.name) == ("007", "")


def test_bad_records_cost_one_row_each():
    empty = bytes(72)
    nameless = F19[:48] + bytes(24)
    rows = decode(F19 + empty + nameless + F19)
    assert [type(row) for row in rows] == [User, Quarantined, Quarantined, User]
    assert rows[1].reason == "record filled with 0x00"
    assert (rows[2].offset, "not printable" in rows[2].reason) == (144, True)


def users(width):
    numbers = st.integers(1, 10**9).map(str)
    ids = numbers if width == 28 else st.text("AZ019", min_size=1, max_size=24)
    return st.builds(
        User,
        uid=st.integers(1, 0xFFFF),
        user_id=ids,
        privilege=st.sampled_from([0, 2, 6, 14]),
        disabled=st.booleans(),
        name=st.text("abc 张", max_size=2 if width == 28 else 7),
        card=st.integers(0, 0xFFFF_FFFF),
        group=st.integers(0, 99),
    )


@pytest.mark.parametrize("width", [72, 28])
@given(data=st.data())
def test_round_trip(width, data):
    sent = data.draw(st.lists(users(width), max_size=5))
    table = encode_users(sent, width, passwords={user.uid: "12345" for user in sent})
    got = decode(table, width=width)
    assert [(u.uid, u.user_id, u.privilege, u.disabled, u.name, u.card, u.group) for u in got] == [
        (u.uid, u.user_id, u.privilege, u.disabled, u.name, u.card, u.group) for u in sent
    ]
    assert all(b"12345" not in user.raw[3:11] for user in got)


@pytest.mark.parametrize("count", [1, 2, 7, 18, 28, 72])
@pytest.mark.parametrize("width", [72, 28])
def test_the_width_is_found(width, count):
    people = [User(uid=n, user_id=str(n), name=f"P{n}") for n in range(1, count + 1)]
    assert choose_user_width(encode_users(people, width)) == width


@given(st.binary(max_size=300), st.sampled_from([72, 28]))
def test_random_bytes_give_rows_and_lose_only_password_bytes(table, width):
    masked = b"".join(
        mask_password(table[start : start + width], width) for start in range(0, len(table), width)
    )
    assert b"".join(row.raw for row in decode(table, width=width)) == masked


@pytest.mark.parametrize(
    ("user", "width"),
    [
        (User(uid=1, user_id="1", name="x" * 24), 72),
        (User(uid=1, user_id="A", name=""), 28),
        (User(uid=70_000, user_id="1", name=""), 72),
    ],
)
def test_what_does_not_fit_is_refused(user, width):
    with pytest.raises(ValueError, match=r"fit|invalid literal"):
        encode_users([user], width)
