"""Every module that defines tables: `initialise` creates what the shared metadata knows."""

from hr_core.store import (
    device_gateways,
    erasures,
    events,
    gateway_keys,
    people,
    refusals,
    results,
)

__all__ = [
    "device_gateways",
    "erasures",
    "events",
    "gateway_keys",
    "people",
    "refusals",
    "results",
]
