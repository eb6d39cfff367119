"""Every module that defines tables: `initialise` creates what the shared metadata knows."""

from hr_core.store import events, gateway_keys, people, results

__all__ = ["events", "gateway_keys", "people", "results"]
