import gzip
from datetime import datetime

import pytest

from protocols.zk.attendance import AttendanceRow, Layout, encode_attendance
from simulators.zk_terminal import rows_from_usb_export


def line(user: str = "1007", time: str = "2026-11-21 08:30:00", rest: str = "1\t0\t15\t0") -> bytes:
    return f"{user:>9}\t{time}\t{rest}".encode()


def test_rows_come_in_file_order_with_one_uid_per_person() -> None:
    data = b"\r\n".join([line(), line("42"), line(time="2026-11-21 17:00:01", rest="1\t1\t1\t7")])
    rows, refused = rows_from_usb_export(data)
    assert refused == []
    assert rows == [
        AttendanceRow(uid=1, user_id="1007", time=datetime(2026, 11, 21, 8, 30), verify=15),
        AttendanceRow(uid=2, user_id="42", time=datetime(2026, 11, 21, 8, 30), verify=15),
        AttendanceRow(
            uid=1,
            user_id="1007",
            time=datetime(2026, 11, 21, 17, 0, 1),
            state=1,
            verify=1,
            work_code=7,
        ),
    ]


def test_the_edges_of_what_a_terminal_can_hold_are_rows() -> None:
    data = b"\n".join(
        [
            line(time="2000-01-01 00:00:00"),
            line(time="2099-12-31 23:59:59", rest="1\t255\t255\t4294967295"),
        ]
    )
    rows, refused = rows_from_usb_export(data)
    assert (len(rows), refused) == (2, [])
    assert len(encode_attendance(rows, Layout.ATT40)) == 80


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (line(time="1999-12-31 23:59:59"), "year 1999"),
        (line(time="2100-01-01 00:00:00"), "year 2100"),
        (line(rest="1\t256\t1\t0"), "state 256"),
        (line(rest="1\t0\t300\t0"), "verify 300"),
        (line(rest="1\t0\t1\t4294967296"), "work code"),
        (line(time="2026-02-31 08:00:00"), "calendar"),
        (b"\0" * 40, "tab fields"),
    ],
)
def test_others_are_refused_with_place_reason_and_bytes(bad: bytes, reason: str) -> None:
    data = line() + b"\n" + bad + b"\n" + line("42") + b"\n"
    rows, (refused,) = rows_from_usb_export(data)
    assert [row.user_id for row in rows] == ["1007", "42"]
    assert refused.offset == len(line()) + 1
    assert reason in refused.reason
    assert refused.raw == bad


@pytest.mark.parametrize(
    ("name", "held", "refused"),
    [
        ("attlog_a_crlf_state255", 14_359, 1),
        ("attlog_b_lf_inout", 12_000, 0),
        ("attlog_c_nul_hole", 5_469, 31),
        ("attlog_e_states_45", 11_902, 0),
    ],
)
def test_real_exports_fill_a_terminal(shared_data, name: str, held: int, refused: int) -> None:
    data = gzip.decompress((shared_data / "zk_pull" / f"{name}.dat.gz").read_bytes())
    rows, bad = rows_from_usb_export(data)
    assert (len(rows), len(bad)) == (held, refused)
    assert held + refused == sum(1 for part in data.split(b"\n") if part.strip())
    assert len(encode_attendance(rows, Layout.ATT40)) == 40 * held
    for row in bad:
        assert data[row.offset : row.offset + len(row.raw)] == row.raw
