"""Every module that defines tables: `initialise` creates what the shared metadata knows."""

from hr_core.store import events, people, results

__all__ = ["events", "people", "results"]
