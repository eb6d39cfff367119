"""The whole agent as a process: sums of increments over a kill -9, by the cursor beside the readings."""

import pytest

from tests.drivers.line_agent import LineAgent, until
from tests.drivers.line_broker import line_broker


@pytest.mark.slow
def test_increments_are_added_once_over_a_kill_of_the_agent(tmp_path):
    with line_broker(tmp_path / "broker") as broker:
        agent = LineAgent(
            tmp_path / "agent",
            f'name = "hall"\nkind = "mqtt-line"\nhost = "127.0.0.1"\nport = {broker.port}\n'
            'shapes = ["umh-classic"]\n',
        )
        agent.start()
        until(lambda: "clockline-hall" in broker.log(), what=agent.log)
        try:
            with broker.box() as box:
                made = 0
                for number in range(120):
                    if number == 60:
                        until(lambda: agent.arrivals() > 5, what=agent.log)
                        agent.kill()  # some are stored and not acknowledged, some neither
                        agent.start()
                    made += number % 7
                    said = {"timestamp_ms": 1_795_300_000_000 + number, "count": number % 7}
                    box.say("ia/acme/hall/filler/count", said)
            values = until(lambda: whole(agent, made), what=lambda: f"{made} {agent.counts()[-1:]}")
        finally:
            agent.kill()
    assert values[0] == 0
    assert values == sorted(values)
    assert values[-1] == made


def whole(agent, made):
    counts = agent.counts()
    assert len({count.boot_id for count in counts}) <= 1
    values = [count.value for count in counts]
    return values if values and values[-1] >= made else None
