"""`python -m tests.reliability.child PATCH[,PATCH…] MODULE ARGUMENT…`: one of our programs as a
process, with parts of it replaced before it starts.

The patches are in `weakened.py` (a protection is taken away: negative controls) and `breaking.py`
(the process dies at a named point). Shipped code knows nothing of them.
"""

import runpy
import sys
from importlib import import_module

HOMES = (
    "tests.reliability.weakened",
    "tests.reliability.breaking",
    "tests.reliability.freezing",
)


def apply(patches: str) -> None:
    """Each is a function name, or NAME:ARGUMENT."""
    known = {}
    for home in HOMES:
        known |= import_module(home).PATCHES
    for patch in filter(None, patches.split(",")):
        name, _, argument = patch.partition(":")
        known[name](*[argument] if argument else [])


if __name__ == "__main__":
    _, patches, module, *arguments = sys.argv
    apply(patches)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
