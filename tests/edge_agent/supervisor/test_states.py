"""The state table: closed, and every state has a way out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.supervisor.states import (
    NEXT,
    DeviceSignal,
    DeviceState,
    IllegalTransitionError,
    after,
)


def test_a_first_session_leads_from_idle_to_ready():
    state = after(DeviceState.IDLE, DeviceSignal.START)
    assert state is DeviceState.CONNECTING
    assert after(state, DeviceSignal.IDENTIFIED) is DeviceState.READY


@pytest.mark.parametrize("state", [DeviceState.CONNECTING, DeviceState.READY])
def test_a_failure_backs_off_and_a_refusal_blocks(state):
    assert after(state, DeviceSignal.FAILED) is DeviceState.BACKOFF
    assert after(state, DeviceSignal.REFUSED) is DeviceState.BLOCKED


@pytest.mark.parametrize("state", list(DeviceState))
def test_every_state_can_be_stopped(state):
    assert after(state, DeviceSignal.STOP) in {DeviceState.IDLE, DeviceState.DISABLED}


def test_a_pair_outside_the_table_is_our_bug_and_says_which():
    with pytest.raises(IllegalTransitionError) as caught:
        after(DeviceState.DISABLED, DeviceSignal.IDENTIFIED)
    assert caught.value.state is DeviceState.DISABLED
    assert caught.value.signal is DeviceSignal.IDENTIFIED


@given(st.lists(st.sampled_from(DeviceSignal)))
def test_any_walk_of_legal_signals_stays_in_the_table(signals):
    state = DeviceState.IDLE
    for signal in signals:
        if (state, signal) in NEXT:
            state = after(state, signal)
    assert any(source is state for source, _ in NEXT)


def test_every_state_but_disabled_can_reach_ready():
    reach = {DeviceState.READY}
    for _ in DeviceState:
        reach |= {source for (source, _), target in NEXT.items() if target in reach}
    assert reach == set(DeviceState) - {DeviceState.DISABLED}
