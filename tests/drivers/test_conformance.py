"""One suite over every built-in driver: the rules that `edge-agent driver check` asks of all."""

import pytest

from drivers.catalog import built_in_kinds, load_driver
from edge_agent.driver_check.built_in import SIMULATORS
from edge_agent.driver_check.checking import simulate_of, simulator
from edge_agent.driver_check.conformance import CONFORMANCE
from edge_agent.driver_check.rig import opened_rig
from edge_agent.driver_check.rules import NotApplicableError, Rule
from edge_agent.driver_check.shape import SHAPE, Candidate

every_kind = pytest.mark.parametrize("kind", built_in_kinds())
# Rules that ask nothing of this driver; any other that says so has lost its question.
NOT_ASKED = {
    ("modbus-counter", "another_device"),
    ("modbus-rtu", "another_device"),
    ("pulse-counter", "another_device"),
    ("barcode-scanner", "another_device"),
    ("opcua-counter", "another_device"),
    ("rdm6300", "another_device"),
    ("mqtt-line", "another_device"),
    ("sparkplug-host", "another_device"),
    *((kind, name) for kind in built_in_kinds() for name in ("imports", "own_folders")),
}


def test_every_built_in_driver_has_its_simulator() -> None:
    assert set(SIMULATORS) == {load_driver(kind).manifest.simulator for kind in built_in_kinds()}


@pytest.mark.parametrize("rule", [*SHAPE, simulator], ids=lambda rule: rule.name)
@every_kind
async def test_shape(kind: str, rule: Rule) -> None:
    candidate = Candidate(kind=kind, package=None)
    if (kind, rule.name) in NOT_ASKED:
        with pytest.raises(NotApplicableError):
            await rule.check(candidate)
    else:
        assert await rule.check(candidate)


@pytest.mark.parametrize("rule", CONFORMANCE, ids=lambda rule: rule.name)
@every_kind
async def test_conformance(kind: str, rule: Rule) -> None:
    simulate = simulate_of(Candidate(kind=kind, package=None))
    async with opened_rig(load_driver(kind), simulate) as rig:
        if (kind, rule.name) in NOT_ASKED:
            with pytest.raises(NotApplicableError):
                await rule.check(rig)
        else:
            assert await rule.check(rig)
