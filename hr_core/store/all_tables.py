"""Every module that defines tables: `initialise` creates what the shared metadata knows."""

from hr_core.store import (
    batch_pages,
    core_identity,
    device_gateways,
    enrolment_tokens,
    erasures,
    event_totals,
    events,
    gateway_keys,
    gateway_log,
    people,
    refusals,
    results,
    watermarks,
)

__all__ = [
    "batch_pages",
    "core_identity",
    "device_gateways",
    "enrolment_tokens",
    "erasures",
    "event_totals",
    "events",
    "gateway_keys",
    "gateway_log",
    "people",
    "refusals",
    "results",
    "watermarks",
]
