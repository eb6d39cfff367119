"""Switching over: what another system has counted until the first month that is paid here."""
