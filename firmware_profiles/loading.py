"""Reading the profile files, strictly: a wrong file names itself and the key that is wrong."""

import codecs
import tomllib
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

import msgspec

from firmware_profiles.profile import Evidence, Profile


class ProfileFileError(Exception):
    """A profile file is wrong. `file` is its path under firmware_profiles/data."""

    def __init__(self, file: str, problem: str) -> None:
        super().__init__(f"firmware_profiles/data/{file}: {problem}")
        self.file = file
        self.problem = problem


@cache
def load_all() -> tuple[Profile, ...]:
    """Every shipped profile, ordered by key. Raises ProfileFileError."""
    root = resources.files("firmware_profiles").joinpath("data")
    profiles = [
        load_profile(f"{vendor.name}/{file.name}", file.read_text("utf-8"))
        for vendor in _sorted(root)
        if vendor.is_dir()
        for file in _sorted(vendor)
        if file.name.endswith(".toml")
    ]
    return tuple(profiles)


def load_profile(file: str, text: str) -> Profile:
    """The profile in `text`; `file` is "vendor/model.toml" and gives the key.

    Raises ProfileFileError.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise ProfileFileError(file, f"not TOML: {exc}") from exc
    if "key" in table:
        raise ProfileFileError(file, "`key` is given by the file's place; delete it")
    try:
        profile = msgspec.convert(
            table | {"key": file.removesuffix(".toml")}, Profile, str_keys=True
        )
    except msgspec.ValidationError as exc:
        raise ProfileFileError(file, str(exc)) from exc
    _check(file, profile)
    return profile


def _check(file: str, profile: Profile) -> None:
    """What a schema cannot say."""
    if not profile.source.strip():
        raise ProfileFileError(file, "`source` is empty: say who saw this and where")
    if profile.evidence is Evidence.CAPTURED and not profile.captures:
        raise ProfileFileError(file, '`evidence = "captured"` needs `captures`: name the bytes')
    if profile.match is not None and not profile.match.platform:
        raise ProfileFileError(file, "`match.platform` is empty: it would claim every device")
    try:
        codecs.lookup(profile.encoding)
    except LookupError as exc:
        raise ProfileFileError(file, f"`encoding`: Python knows no {profile.encoding!r}") from exc


def _sorted(folder: Traversable) -> list[Traversable]:
    return sorted(folder.iterdir(), key=lambda entry: entry.name)
