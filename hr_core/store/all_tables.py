"""Every module that defines tables: `initialise` creates what the shared metadata knows."""

from hr_core.store import (
    alert_outbox,
    alerts,
    batch_pages,
    core_identity,
    device_gateways,
    enrolment_tokens,
    erasures,
    event_totals,
    events,
    gateway_keys,
    gateway_log,
    line_entries,
    people,
    refusals,
    results,
    watermarks,
)

__all__ = [
    "alert_outbox",
    "alerts",
    "batch_pages",
    "core_identity",
    "device_gateways",
    "enrolment_tokens",
    "erasures",
    "event_totals",
    "events",
    "gateway_keys",
    "gateway_log",
    "line_entries",
    "people",
    "refusals",
    "results",
    "watermarks",
]
