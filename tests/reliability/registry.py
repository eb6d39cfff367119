"""The claims that are there, in their order."""

from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from tests.reliability.outcome import Outcome, Scale

CLAIMS = tuple(f"R{number}" for number in range(1, 23))


class Claim(Protocol):
    CLAIM: str
    TITLE: str

    def run(self, seed: int, scale: Scale, *, weakened: bool = False) -> Outcome: ...


def claims() -> dict[str, Claim]:
    """By name. A file of the folder `claims` is one."""
    folder = Path(__file__).parent / "claims"
    modules = [
        import_module(f"tests.reliability.claims.{path.stem}") for path in folder.glob("r*.py")
    ]
    found = {module.CLAIM: cast("Claim", module) for module in modules}
    return {name: found[name] for name in CLAIMS if name in found}
