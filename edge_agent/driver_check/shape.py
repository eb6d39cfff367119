"""The rules that look at a driver without running it: its class, its config, its package."""

import ast
import importlib.util
from collections.abc import Iterator
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

from msgspec import Struct
from pydantic import ValidationError

from drivers.catalog import BrokenDriverError, load_driver
from drivers.contract import (
    Capability,
    ClockKeeper,
    DeviceConfig,
    DoorOpener,
    Driver,
    LogClearer,
    Mode,
    Pausable,
    Restartable,
    UserDirectory,
)
from edge_agent.driver_check.config_keys import config_keys
from edge_agent.driver_check.rules import NotApplicableError, Rule, UnmetError, rule

ALLOWED = "protocols.records"
OURS = frozenset(
    {"drivers", "edge_agent", "firmware_profiles", "hr_core", "protocols", "simulators", "sync"}
)
_ORDERS: dict[Capability, type[Any]] = {
    Capability.CLOCK_SET: ClockKeeper,
    Capability.USERS: UserDirectory,
    Capability.PAUSE: Pausable,
    Capability.CLEAR: LogClearer,
    Capability.DOOR: DoorOpener,
    Capability.RESTART: Restartable,
}


class Candidate(Struct, frozen=True, kw_only=True):
    """The driver for `kind`, and where it is from; None is built in.

    modules  the modules that its entry points name
    """

    kind: str
    package: Distribution | None
    modules: tuple[str, ...] = ()

    def driver(self) -> type[Driver]:
        """Raises UnmetError."""
        try:
            return load_driver(self.kind)
        except BrokenDriverError as exc:
            raise UnmetError(f"{exc.source} {exc.problem}") from exc

    def files(self) -> set[Path]:
        """Its Python files, also where it is installed as a link to a checkout."""
        if self.package is None:
            return set()
        listed = {Path(str(file.locate())) for file in self.package.files or ()}
        return {file.resolve() for file in listed if file.suffix == ".py"} | {
            file.resolve() for module in self.modules for file in _files_of(module)
        }


def _files_of(module: str) -> Iterator[Path]:
    spec = importlib.util.find_spec(module.partition(".")[0])
    if spec is None:
        return
    for folder in spec.submodule_search_locations or ():
        yield from Path(folder).rglob("*.py")
    if spec.origin is not None and not spec.submodule_search_locations:
        yield Path(spec.origin)


@rule(
    "Its entry point leads to a class with the members of a driver",
    remedy="Correct the entry point in pyproject.toml, or the class that it names; then install "
    "the package again",
)
async def loads(candidate: Candidate) -> str:
    kind = candidate.driver()
    foreign = getattr(kind, "_foreign", kind)
    return f"{foreign.__module__}:{foreign.__qualname__}"


@rule(
    "Its manifest says what it is",
    remedy="Give the manifest kind, title, makes, mode, capabilities, simulator and config, as in "
    "docs/write-a-driver.md",
)
async def manifest(candidate: Candidate) -> str:
    found = candidate.driver().manifest
    for name in ("title", "makes", "simulator"):
        if not getattr(found, name) or not all(getattr(found, name)):
            raise UnmetError(f"`{name}` is empty")
    if found.mode is Mode.TALKS and Capability.LIVE not in found.capabilities:
        raise UnmetError("a device that talks is only heard by live(), which is not promised")
    return f"{found.title}; {found.mode}"


@rule(
    "What can be ordered is what the manifest says",
    remedy="Name in `capabilities` what the driver does, and nothing else. Orders (clock_set, "
    "users, pause, clear, door, restart) are not passed on to drivers from outside yet",
)
async def orders(candidate: Candidate) -> str:
    kind = candidate.driver()
    able = {word for word, protocol in _ORDERS.items() if issubclass(kind, protocol)}
    promised = kind.manifest.capabilities & _ORDERS.keys()
    if able != promised:
        raise UnmetError(f"promised: {_words(promised)}; there: {_words(able)}")
    return _words(able)


def _words(capabilities: set[Capability] | frozenset[Capability]) -> str:
    return ", ".join(sorted(capabilities)) or "none"


@rule(
    "Its config refuses unknown keys and cannot be changed",
    remedy="Leave `extra` and `frozen` of the pydantic model to us, and give `kind` no other value",
)
async def config_strict(candidate: Candidate) -> str:
    model = candidate.driver().manifest.config
    if not issubclass(model, DeviceConfig):
        raise UnmetError(f"{model.__name__} is no DeviceConfig")
    try:
        model.model_validate({"name": "x", "kind": candidate.kind, "no_such_key": 1})
    except ValidationError as exc:
        if "no_such_key" not in {str(part) for error in exc.errors() for part in error["loc"]}:
            raise UnmetError("an unknown key is accepted: a misspelt one would go unseen") from exc
    else:
        raise UnmetError("an unknown key is accepted: a misspelt one would go unseen")
    if not model.model_config.get("frozen"):
        raise UnmetError("a config that is in use can be changed")
    return f"{len(model.model_fields)} keys"


@rule(
    "Every key of its config is explained",
    remedy="Write a docstring below the key or Field(description=…): `driver show` prints it",
    advice=True,
)
async def config_explained(candidate: Candidate) -> str:
    keys = config_keys(candidate.driver().manifest.config)
    mute = [key.name for key in keys if not key.meaning]
    if mute:
        raise UnmetError(f"nothing explains {', '.join(mute)}")
    return f"{len(keys)} keys"


@rule(
    f"Of ours it imports {ALLOWED} and nothing else",
    remedy=f"All but {ALLOWED} changes without notice: tell the rest by shape, as in "
    "docs/write-a-driver.md",
)
async def imports(candidate: Candidate) -> str:
    if candidate.package is None:
        raise NotApplicableError("built in")
    files = candidate.files()
    if not files:
        raise UnmetError("none of its Python files was found")
    forbidden = [place for file in sorted(files) for place in forbidden_imports(file)]
    if forbidden:
        raise UnmetError("; ".join(forbidden))
    return f"{len(files)} files"


def forbidden_imports(file: Path) -> list[str]:
    """`driver.py:12 drivers.contract` for each import of ours that is not allowed."""
    tree = ast.parse(file.read_bytes(), filename=str(file))
    return [
        f"{file.name}:{getattr(node, 'lineno', 0)} {name}"
        for node in ast.walk(tree)
        for name in _imported(node)
        if name.partition(".")[0] in OURS and name != ALLOWED
    ]


def _imported(node: ast.AST) -> list[str]:
    """The modules that `node` imports, also by importlib.import_module("…")."""
    match node:
        case ast.Import():
            return [alias.name for alias in node.names]
        case ast.ImportFrom(level=0, module="protocols"):
            return [f"protocols.{alias.name}" for alias in node.names]
        case ast.ImportFrom(level=0, module=str(module)):
            return [module]
        case ast.Call(
            func=ast.Name(id="__import__" | "import_module")
            | ast.Attribute(attr="__import__" | "import_module"),
            args=[ast.Constant(value=str(module)), *_],
        ):
            return [module]
        case _:
            return []


@rule(
    "Its package installs nothing under our names",
    remedy="Name your package after what it is for: a folder `drivers` or `simulators` of yours "
    "would overwrite ours",
)
async def own_folders(candidate: Candidate) -> str:
    if candidate.package is None:
        raise NotApplicableError("built in")
    tops = {file.parts[0] for file in candidate.package.files or () if len(file.parts) > 1}
    if taken := tops & OURS:
        raise UnmetError(f"it installs {', '.join(sorted(taken))}")
    return f"{candidate.package.name} {candidate.package.version}"


SHAPE: tuple[Rule[Candidate], ...] = (
    loads,
    manifest,
    orders,
    config_strict,
    config_explained,
    imports,
    own_folders,
)
