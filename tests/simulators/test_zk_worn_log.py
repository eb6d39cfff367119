"""The worn log and the truth about it: what is told to be damaged is, and nothing else."""

from datetime import datetime, timedelta

import pytest

from protocols.zk.attendance import AttendanceRow, Layout, encode_attendance
from protocols.zk.clock import unpack_time
from protocols.zk.layouts import unpack_rows
from simulators.zk_terminal import Damage, Wear, worn_log

ALL = Wear(invalid_dates=3, filled_rows=4, nul_hole=12, year_2000=21, future_rows=2)
EVERY_LAYOUT = pytest.mark.parametrize("layout", list(Layout))


def rows(count: int) -> list[AttendanceRow]:
    first = datetime(2026, 1, 29, 7)
    return [
        AttendanceRow(uid=1 + n % 9, user_id=str(1 + n % 9), time=first + timedelta(hours=n))
        for n in range(count)
    ]


@EVERY_LAYOUT
@pytest.mark.parametrize("seed", range(5))
def test_each_damage_happens_as_often_as_told_and_looks_like_it(layout: Layout, seed: int) -> None:
    made = worn_log(rows(400), layout, ALL, seed=seed)
    counted = {damage: len(made.places(damage)) for damage in Damage}
    assert counted == {
        Damage.INVALID_DATE: 3,
        Damage.FILLED: 4,
        Damage.HOLE: 12,
        Damage.YEAR_2000: 21,
        Damage.FUTURE: 2,
    }
    assert set(made.worn) == set(made.places(Damage.INVALID_DATE, Damage.FILLED, Damage.HOLE))
    for row, content in made.worn.items():
        match made.damage[row]:
            case Damage.FILLED:
                assert content == b"Z" * layout.width
            case Damage.HOLE:
                assert content == bytes(layout.width)
            case _:
                ((_, _, packed, _, _),) = unpack_rows(content, layout)
                assert unpack_time(packed) is None
    assert {made.rows[row].time.year for row in made.places(Damage.FUTURE)} <= {2031, 2032}
    lost = [made.rows[row].time for row in made.places(Damage.YEAR_2000)]
    assert lost[0] == datetime(2000, 1, 1, 0, 4, 15)
    assert lost == sorted(lost)
    untouched = [n for n in range(400) if n not in made.damage]
    assert [made.rows[n] for n in untouched] == [rows(400)[n] for n in untouched]


def test_a_hole_and_a_battery_loss_are_in_one_piece() -> None:
    made = worn_log(rows(100), Layout.ATT40, Wear(nul_hole=10, year_2000=10), seed=1)
    for damage in (Damage.HOLE, Damage.YEAR_2000):
        places = made.places(damage)
        assert places == list(range(places[0], places[0] + 10))


def test_the_seed_decides_where() -> None:
    places = [worn_log(rows(400), Layout.ATT40, ALL, seed=seed).damage for seed in (1, 1, 2)]
    assert places[0] == places[1] != places[2]


@EVERY_LAYOUT
def test_without_wear_nothing_changes(layout: Layout) -> None:
    made = worn_log(rows(10), layout, Wear(), seed=0)
    assert (made.rows, made.worn, made.damage) == (rows(10), {}, {})
    assert encode_attendance(made.rows, layout) == encode_attendance(rows(10), layout)


@pytest.mark.parametrize("count", [0, 1, 83])
def test_too_small_a_log_is_told(count: int) -> None:
    assert worn_log(rows(84), Layout.ATT40, ALL, seed=0).damage
    with pytest.raises(ValueError, match="at least twice as many"):
        worn_log(rows(count), Layout.ATT40, ALL, seed=0)
