"""Alerts to people: what is said, where it waits, and the channels that carry it."""
