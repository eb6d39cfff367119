"""Every module that defines tables: `initialise` creates what the shared metadata knows."""

from hr_core.store import (
    batch_pages,
    device_gateways,
    erasures,
    events,
    gateway_keys,
    people,
    refusals,
    results,
)

__all__ = [
    "batch_pages",
    "device_gateways",
    "erasures",
    "events",
    "gateway_keys",
    "people",
    "refusals",
    "results",
]
