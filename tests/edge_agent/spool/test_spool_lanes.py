from hypothesis import example, given
from hypothesis import strategies as st

from edge_agent.spool.lanes import LANE_BY_NUMBER, WEIGHTS, Lane, plan_batch

available = st.dictionaries(st.sampled_from(Lane), st.integers(0, 10_000))


@given(available, st.integers(1, 5_000))
@example(
    dict.fromkeys(Lane, 2), 5
)  # rounded shares of the heavy lanes once left none for telemetry
def test_a_plan_is_full_fair_and_possible(waiting, limit):
    plan = plan_batch(waiting, WEIGHTS, limit)

    assert sum(plan.values()) == min(limit, sum(waiting.values()))
    assert all(0 < count <= waiting[lane] for lane, count in plan.items())
    nonempty = [lane for lane, count in waiting.items() if count]
    if limit >= len(nonempty):
        assert set(plan) == set(nonempty)
    total = sum(WEIGHTS[lane] for lane in nonempty)
    for lane in plan:
        promised = min(waiting[lane], limit * WEIGHTS[lane] // total - len(nonempty))
        assert plan[lane] >= promised


def test_shares_follow_the_weights():
    plan = plan_batch(dict.fromkeys(Lane, 1_000), WEIGHTS, 190)
    assert plan == {lane: weight * 10 for lane, weight in WEIGHTS.items()}


def test_the_heaviest_lane_gets_the_only_place():
    assert plan_batch(dict.fromkeys(Lane, 5), WEIGHTS, 1) == {Lane.PUNCH_LIVE: 1}


def test_every_lane_gets_its_row_before_a_heavy_one_gets_a_second():
    assert plan_batch(dict.fromkeys(Lane, 9), WEIGHTS, len(Lane)) == dict.fromkeys(Lane, 1)


def test_numbers_in_the_file_never_change():
    assert {number: lane.value for number, lane in LANE_BY_NUMBER.items()} == {
        1: "punch-live",
        2: "punch-backlog",
        3: "count-live",
        4: "count-backlog",
        5: "telemetry",
    }
