"""Runs every check that this machine and its site file allow, in the order a person would."""

import asyncio
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from edge_agent.config.loading import load_config
from edge_agent.config.models import SiteConfig
from edge_agent.config.places import find_config, read_places
from edge_agent.config.problems import ConfigError
from edge_agent.doctor.broker import check_broker
from edge_agent.doctor.devices import check_devices
from edge_agent.doctor.exports import check_export_ledger, check_exports
from edge_agent.doctor.findings import Code, Finding, bad, good, warn
from edge_agent.doctor.identity import check_identity
from edge_agent.doctor.ledger import (
    check_agent,
    check_life,
    check_logs,
    check_parked,
    check_watermarks,
    last_stored,
    read_counts,
)
from edge_agent.doctor.line import check_line, check_line_orders
from edge_agent.doctor.line_broker import check_line_brokers
from edge_agent.doctor.machine import check_clock, check_core_extra, check_python, check_zone
from edge_agent.doctor.running import check_running
from edge_agent.doctor.storage import check_spool, check_state_dir
from edge_agent.doctor.units import check_shared, check_units
from edge_agent.doctor.uplink import check_chain, check_uplink
from edge_agent.doctor.vitals import check_vitals
from edge_agent.errors import CommandError
from edge_agent.status.agent import read_agent


def examine(config: str | None, *, with_core: bool) -> Iterator[Finding]:
    """Findings as they come. Without a site file only the machine itself is looked at."""
    now = datetime.now(UTC)
    yield check_python(sys.version_info[:3], sys.prefix, sys.base_prefix)
    if with_core:
        yield check_core_extra()
    path = Path(config) if config else find_config()
    if path is None:
        yield _no_config()
        yield check_clock(now, None)
        return
    site, findings = _load(path)
    yield from findings
    if site is None:
        yield check_clock(now, None)
        return
    yield check_zone(site.site.zone, now)
    yield from _examine_gateway(site, now)
    devices = [device.config for device in site.devices]
    yield from asyncio.run(check_devices(devices))
    yield from check_line(devices)
    yield from check_line_orders(site.gateway.state_dir, now)
    yield from check_line_brokers(devices)
    yield from check_uplink(site)
    yield from check_identity(site, now)
    yield from check_broker(site, read_agent(read_places(site.path), now))
    yield from asyncio.run(check_exports(site.exports))
    yield from check_shared(site, now)


def _no_config() -> Finding:
    return warn(
        Code.CONFIG_MISSING,
        "site file",
        "there is none, so spool, devices and uplink were not looked at",
        "edge-agent config init writes one to fill in; edge-agent demo runs without",
    )


def _load(path: Path) -> tuple[SiteConfig | None, list[Finding]]:
    try:
        site = load_config(path)
    except ConfigError as error:
        return None, [
            bad(
                Code.CONFIG_INVALID,
                f"{problem.file}:{problem.line}",
                f"{problem.key}: {problem.what}" if problem.key else problem.what,
                problem.remedy,
            )
            for problem in error.problems
        ]
    except CommandError as error:
        return None, [bad(Code.CONFIG_MISSING, error.where, error.what, error.remedy)]
    what = f"valid: site {site.site.name}, {len(site.devices)} devices"
    return site, [good(Code.CONFIG_MISSING, str(path), what)]


def _examine_gateway(site: SiteConfig, now: datetime) -> Iterator[Finding]:
    places = read_places(site.path)
    ledger = read_counts(places.spool)
    yield check_clock(now, last_stored(ledger) if ledger else None)
    yield from check_state_dir(places.state_dir)
    yield check_spool(places.spool)
    if ledger:
        yield from check_parked(ledger, str(places.spool))
        yield from check_watermarks(ledger, str(places.spool))
        yield from check_export_ledger(places, ledger)
        yield from check_life(ledger, site.spool, places.spool, read_agent(places, now))
    yield check_agent(places, now)
    agent = read_agent(places, now)
    yield from check_running(agent)
    yield from check_units(ledger, agent)
    yield from check_logs(places, now)
    yield from check_vitals(agent)
    yield from check_chain(agent)
