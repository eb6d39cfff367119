"""Payslips: schemes as dated data, exact arithmetic, a trace for every line, immutable runs."""
