"""Punches to days. A day is a view over raw punches: recomputed, never edited."""
