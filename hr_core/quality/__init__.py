"""Cumulative counter readings to pieces and rejects, to people, to rates and grades."""
