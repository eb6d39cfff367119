"""kill -9 of the broker between agent and core, under load: a part of R2.

A real Mosquitto with the profile that we ship; MQTT 5, QoS 1, TLS. What it had not written out (it
saves each minute) is gone with it, in both directions. Control: an agent for which a batch is settled
when the broker has it.
"""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass

from hr_core.api.mqtt import CLIENT_ID
from tests.reliability.outcome import Scale
from tests.reliability.plant import Plant
from tests.reliability.site import (
    GATEWAY,
    Device,
    RigSite,
    RigTerminal,
    keys_of,
    punch_rows,
    rig_site,
)
from tests.sync.mosquitto import mosquitto

_SERIAL = "R2-BROKER"
_ALIVE_S = (0.2, 3.0)
# Some kills come at any time, also while all are still on their way back; the others wait for this.
_WHILE_IT_FLOWS = 0.6
_FLOWS_WITHIN_S = 20.0


@dataclass(frozen=True)
class BrokerKills:
    clean: bool
    numbers: Mapping[str, int | float | str]


async def kill_brokers(seed: int, scale: Scale, *, weakened: bool) -> BrokerKills:
    draw = random.Random(seed)
    kills = 3 if weakened else scale.pick(3, 300)
    log = punch_rows(scale.pick(1_500, 20_000), seed)
    async with rig_site(serve=False) as site, RigTerminal(_SERIAL, log) as gate:
        folder = site.folder / "broker"
        folder.mkdir()
        async with mosquitto(folder, users=(GATEWAY, CLIENT_ID)) as broker:
            site.meet_at(broker)
            await site.core.serve()
            await site.oracle.made(keys_of(_SERIAL, log))
            device = Device(name="gate", port=gate.address[1], serial=_SERIAL)
            site.join([device], batch_records=draw.randrange(30, 70), timeout_s=2)
            await site.agent.start(["puback_believed", "never_rewinds"] if weakened else ())
            plant = Plant(site, [gate], draw)
            under_load, held = 0, 0
            for _ in range(kills):
                await plant.punch_for(draw.uniform(*_ALIVE_S))
                if not weakened and draw.random() < _WHILE_IT_FLOWS:
                    await _flows(site, plant, held)
                    await asyncio.sleep(draw.uniform(0, 0.05))
                broker.kill()
                now = site.core.count()
                under_load += now > held
                held = now
                await asyncio.sleep(draw.uniform(0, 0.3))
                await broker.start()
            await plant.punch()
            verdict = await site.settled(weakened=weakened, quiet_s=1.0)
    return BrokerKills(
        clean=verdict.clean and under_load > 0,
        numbers={
            "kills_of_broker": kills,
            "while_batches_flowed": under_load,
            "punches_over_it": verdict.made,
            "lost_over_it": verdict.lost,
            "doubled_over_it": verdict.doubled + verdict.foreign,
        },
    )


async def _flows(site: RigSite, plant: Plant, held: int) -> None:
    """People punch until more than `held` is at the core."""
    deadline = asyncio.get_running_loop().time() + _FLOWS_WITHIN_S
    while site.core.count() <= held and asyncio.get_running_loop().time() < deadline:
        await plant.punch_for(0.05)
