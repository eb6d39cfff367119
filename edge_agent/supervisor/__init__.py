"""Keeps every device going: one state table, one worker per device, nothing shared but the spool."""
