"""The drivers of this installation, described for people and programs."""

import re
from collections.abc import Iterable
from importlib.metadata import Distribution, EntryPoint
from typing import Any

import msgspec

from drivers.catalog import built_in_kinds, third_party_drivers
from drivers.contract import Manifest
from drivers.quality_scale import Answer, levels, quality_scale
from edge_agent.driver_check.config_keys import config_keys
from edge_agent.driver_check.rules import UnmetError
from edge_agent.driver_check.shape import Candidate
from edge_agent.simulation import third_party_simulators


def installed() -> list[Candidate]:
    """Ours first. A package that names one of our kinds is not heard, as in the catalog."""
    ours = [Candidate(kind=kind, package=None) for kind in built_in_kinds()]
    theirs = third_party_drivers().values()
    return ours + [_candidate(entry) for entry in theirs if entry.name not in built_in_kinds()]


def _candidate(entry: EntryPoint) -> Candidate:
    package = entry.dist
    beside = [one for one in third_party_simulators().values() if _from(one.dist, package)]
    modules = tuple(dict.fromkeys(one.module for one in (entry, *beside)))
    return Candidate(kind=entry.name, package=package, modules=modules)


def _from(one: Distribution | None, other: Distribution | None) -> bool:
    return one is not None and other is not None and same_name(one.name, other.name)


def same_name(one: str, other: str) -> bool:
    """Whether package indexes take the two for one name."""
    plain = [re.sub(r"[-_.]+", "-", name).lower() for name in (one, other)]
    return plain[0] == plain[1]


def described(candidate: Candidate) -> dict[str, Any]:
    """One row of `driver list`. One that does not load has a `problem` instead of a manifest."""
    origin = "built in" if candidate.package is None else candidate.package.name
    known: dict[str, Any] = {"kind": candidate.kind, "from": origin}
    try:
        manifest = candidate.driver().manifest
    except UnmetError as exc:
        return known | {"problem": str(exc)}
    level = levels().get(candidate.kind) if candidate.package is None else None
    return known | _manifest(manifest) | {"quality": level}


def _manifest(manifest: Manifest) -> dict[str, Any]:
    return {
        "title": manifest.title,
        "makes": list(manifest.makes),
        "mode": manifest.mode.value,
        "capabilities": sorted(manifest.capabilities),
        "simulator": manifest.simulator,
    }


def detailed(candidate: Candidate) -> dict[str, Any]:
    """What `driver show` tells: the row of the list, the config's keys and the quality rules."""
    row = described(candidate)
    if "problem" in row:
        return row
    keys = config_keys(candidate.driver().manifest.config)
    rules = _rules(candidate.kind) if candidate.package is None else ()
    return row | {"keys": [msgspec.to_builtins(key) for key in keys], "rules": list(rules)}


def _rules(kind: str) -> Iterable[dict[str, str]]:
    scale = quality_scale()
    answers = scale.drivers[kind]
    for level, rules in scale.rules.items():
        for name in rules:
            yield {"rule": name, "level": level.value, "answer": _answer(answers[name])}


def _answer(answer: Answer) -> str:
    if answer.done:
        return f"done: {', '.join(answer.done)}"
    return f"exempt: {answer.exempt}" if answer.exempt else f"todo: {answer.todo}"
