"""Recorded sessions as `zkcapture/1` files: written for a bug report, read for a replay."""
