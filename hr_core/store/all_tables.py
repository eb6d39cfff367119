"""Every module that defines tables: `initialise` creates what the shared metadata knows."""

from hr_core.store import device_gateways, events, people, results

__all__ = ["device_gateways", "events", "people", "results"]
