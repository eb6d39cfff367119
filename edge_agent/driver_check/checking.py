"""The whole check of one driver: its shape, then its conduct, each rule with what was seen."""

from collections.abc import AsyncIterator

from edge_agent.driver_check.built_in import SIMULATORS
from edge_agent.driver_check.conformance import CONFORMANCE
from edge_agent.driver_check.rig import Rig, opened_rig
from edge_agent.driver_check.rules import Finding, Rule, UnmetError, Verdict, rule
from edge_agent.driver_check.shape import SHAPE, Candidate
from edge_agent.errors import CommandError
from edge_agent.simulation import Simulate, load_simulator, third_party_simulators


def simulate_of(candidate: Candidate) -> Simulate:
    """The simulator that the manifest names. Raises UnmetError and CommandError."""
    name = candidate.driver().manifest.simulator
    if candidate.package is None:
        return SIMULATORS[name]
    entry = third_party_simulators().get(name)
    if entry is None:
        raise UnmetError(f"no entry point {name!r} in the group clockline.simulators")
    return load_simulator(entry)


@rule(
    "Its simulator starts, and the driver can be built for it",
    remedy="Add an entry point to the group clockline.simulators, named as `simulator` in the "
    "manifest, and give it the shape of docs/write-a-driver.md",
)
async def simulator(candidate: Candidate) -> str:
    try:
        simulate = simulate_of(candidate)
    except CommandError as exc:
        raise UnmetError(exc.what) from exc
    async with opened_rig(candidate.driver(), simulate) as rig:
        device = rig.device
        for name in ("produce", "vanish", "come_back"):
            if not callable(getattr(device, name, None)):
                raise UnmetError(f"the simulated device has no {name}()")
        return f"{candidate.driver().manifest.simulator}, serial {device.serial}"


async def check_driver(candidate: Candidate) -> AsyncIterator[Finding]:
    """A finding for every rule. What cannot be asked after a failure says so."""
    loaded = True
    for shape_rule in SHAPE:
        found = await _judged_if(loaded, shape_rule, candidate, "the driver does not load")
        yield found
        loaded = loaded and not (shape_rule is SHAPE[0] and found.verdict is Verdict.FAILED)
    started = await _judged_if(loaded, simulator, candidate, "the driver does not load")
    yield started
    for conduct in CONFORMANCE:
        if started.verdict is Verdict.PASSED:
            yield await _driven(conduct, candidate)
        else:
            yield conduct.not_asked("there is no simulator to ask")


async def _judged_if(
    askable: bool,  # noqa: FBT001 - whether the rule can be asked at all
    wanted: Rule[Candidate],
    candidate: Candidate,
    why_not: str,
) -> Finding:
    return await wanted.judged(candidate) if askable else wanted.not_asked(why_not)


async def _driven(conduct: Rule[Rig], candidate: Candidate) -> Finding:
    """Each rule has a device of its own: what one breaks, the next does not see."""

    async def on_a_rig(asked: Candidate) -> str:
        async with opened_rig(asked.driver(), simulate_of(asked)) as rig:
            return await conduct.check(rig)

    whole = Rule(name=conduct.name, holds=conduct.holds, remedy=conduct.remedy, check=on_a_rig)
    return await whole.judged(candidate)
