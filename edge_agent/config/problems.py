"""What can be wrong with a site file, said so that the person at the keyboard can mend it."""

import typing
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from typing_extensions import override

from edge_agent.config.suggestion import did_you_mean
from edge_agent.config.toml_lines import KeyPath
from edge_agent.errors import CommandError, sentence

# Values under such keys are never shown, not even in the message that says they are wrong.
_SECRET_WORDS = ("token", "password", "secret", "key", "credential")
_SHOWN_VALUE_LIMIT = 60  # a message stays one line


# What pydantic says of the commonest mistakes, in the words of someone who writes TOML.
_WORDS = {
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "string_type": "must be text in quotes",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "path_type": "must be a path in quotes",
}


class WrongValueError(ValueError):
    """Raised by our validators: what is wrong with a value, and what to write instead."""

    def __init__(self, what: str, *, remedy: str) -> None:
        super().__init__(f"{sentence(what)} {remedy}")
        self.what = what
        self.remedy = remedy


class ConfigProblem(Struct, frozen=True, kw_only=True):
    """One mistake: `key` like `device[2].host` (counted from 0), `line` from 1."""

    file: str
    line: int
    key: str
    what: str
    remedy: str
    column: int | None = None

    @override
    def __str__(self) -> str:
        place = f"{self.line}:{self.column}" if self.column is not None else str(self.line)
        key = f"{self.key}: " if self.key else ""
        return f"{self.file}:{place}: {key}{sentence(self.what)} {self.remedy}"


class ConfigError(CommandError):
    """The site file cannot be used; `problems` are all of its mistakes, in file order."""

    def __init__(self, path: Path, problems: tuple[ConfigProblem, ...]) -> None:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        first = problems[0]
        super().__init__(
            f"{first.key}: {first.what}{more}" if first.key else f"{first.what}{more}",
            where=f"{first.file}:{first.line}",
            remedy=first.remedy,
            try_command=f"edge-agent config check -c {path}",
        )
        self.problems = problems


class Complaint(Struct, frozen=True):
    """A problem whose place in the file is known as a key path, not yet as a line."""

    path: KeyPath
    what: str
    remedy: str


def key_text(path: KeyPath) -> str:
    """`("device", 2, "host")` as `device[2].host`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def unknown_key(path: KeyPath, known: Iterable[str]) -> Complaint:
    names = sorted(known)
    return Complaint(
        path,
        f"unknown key{did_you_mean(str(path[-1]), names)}",
        f"Known keys here: {', '.join(names)}",
    )


def from_pydantic(prefix: KeyPath, details: ErrorDetails, model: type[BaseModel]) -> Complaint:
    """A pydantic error as a complaint. `prefix` is where the table that `model` judged stands."""
    path = (*prefix, *details["loc"])
    kind = details["type"]
    if kind == "extra_forbidden":
        return unknown_key(path, _keys_at(model, details["loc"][:-1]))
    if kind == "missing":
        return Complaint(path, "is missing", f"Add `{path[-1]} = …` to this table")
    error = details.get("ctx", {}).get("error")
    if isinstance(error, WrongValueError):
        return Complaint(path, error.what, error.remedy)
    if kind == "value_error":
        return Complaint(path, str(error), "Correct this value")
    what = _WORDS.get(kind) or details["msg"].removeprefix("Input ")
    return Complaint(path, f"{what}{_shown(path, details['input'])}", "Correct this value")


def from_validation(
    prefix: KeyPath, error: ValidationError, model: type[BaseModel]
) -> list[Complaint]:
    """Every mistake that pydantic found, but those that only follow from another."""
    all_details = error.errors()
    places = [details["loc"] for details in all_details]
    return [
        from_pydantic(prefix, details, model)
        for details in all_details
        # A list whose only item is wrong counts as too short as well.
        if details["type"] != "too_short"
        or not any(
            len(place) > len(details["loc"]) and place[: len(details["loc"])] == details["loc"]
            for place in places
        )
    ]


def _shown(path: KeyPath, value: object) -> str:
    key = str(path[-1]).lower()
    if any(word in key for word in _SECRET_WORDS):
        return ""
    if not isinstance(value, str | int | float | bool):
        return f", found {_toml_type(value)}"
    text = repr(value) if not isinstance(value, bool) else str(value).lower()
    return f", found {text}" if len(text) <= _SHOWN_VALUE_LIMIT else ""


def _toml_type(value: object) -> str:
    if isinstance(value, dict):
        return "a table"
    return "an array" if isinstance(value, list) else f"a {type(value).__name__}"


def _keys_at(model: type[BaseModel], path: KeyPath) -> set[str]:
    """The keys that the table at `path` inside `model` may have."""
    for part in path:
        field = model.model_fields.get(str(part))
        inner = _model_in(field.annotation) if field is not None else None
        model = inner or model
    return {field.alias or name for name, field in model.model_fields.items()}


def _model_in(annotation: object) -> type[BaseModel] | None:
    """The model inside `tuple[Model, ...]`, `Model | None` and the like."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(argument) for argument in typing.get_args(annotation))
    return next((model for model in found if model is not None), None)
