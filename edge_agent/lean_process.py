"""Keeping libraries for human output out of a process that lives for months.

structlog and httpx import rich, click and pygments wherever these are installed, for pretty
tracebacks and a command line of their own; in a gateway without a screen that is 9 MiB for nothing.
"""

import sys

HUMAN_OUTPUT = ("rich", "click", "pygments")


def keep_out_human_output() -> None:
    """Makes importing them an ImportError, which both libraries expect. Call before any import."""
    for name in HUMAN_OUTPUT:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type] # None is how import is told no
