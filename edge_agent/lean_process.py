"""A process that lives for months: no libraries for human output, and no look at what never goes.

structlog and httpx import rich, click and pygments wherever these are installed, for pretty
tracebacks and a command line of their own; in a gateway without a screen that is 9 MiB for nothing.
"""

import gc
import sys

HUMAN_OUTPUT = ("rich", "click", "pygments")


def keep_out_human_output() -> None:
    """Makes importing them an ImportError, which both libraries expect. Call before any import."""
    for name in HUMAN_OUTPUT:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type] # None is how import is told no


def spare_what_stays() -> None:
    """Call once all is put together. The collector would walk the modules and all else of the start
    again and again: 15 to 30 ms each time, in which no terminal is answered.
    """
    gc.collect()
    gc.freeze()
