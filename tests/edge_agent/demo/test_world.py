"""The played plant is the same from the same seed, and holds what plants hold."""

from collections import Counter

from edge_agent.demo.world import MONTH, NIGHT, STATIONS, plan_month


def test_the_same_seed_gives_the_same_month():
    assert plan_month(7) == plan_month(7)
    assert plan_month(7) != plan_month(8)


def test_twenty_people_on_two_shifts_for_a_month():
    plan = plan_month(7)
    assert len(plan.people) == 20
    assert sum(person.shift is NIGHT for person in plan.people) == 10
    assert {key.wall.month for key in plan.keys} <= {MONTH.month, MONTH.month + 1}
    assert {key.user_id for key in plan.keys} == {person.number for person in plan.people}


def test_it_holds_double_presses_within_one_second():
    keys = Counter((key.wall, key.terminal, key.user_id, key.state) for key in plan_month(7).keys)
    assert max(keys.values()) > 1


def test_no_station_makes_pieces_without_a_badge():
    plan = plan_month(7)
    assert all(hour.badge is not None for hour in plan.stations if hour.pieces)
    assert all(0 <= hour.rejects <= hour.pieces for hour in plan.stations)
    assert {hour.station for hour in plan.stations} == set(range(1, STATIONS + 1))
