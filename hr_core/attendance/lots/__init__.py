"""Compensatory time (调休) as a ledger of lots. `ledger`, `earning`, `drawing`, `rules` are pure."""
