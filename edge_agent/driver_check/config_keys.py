"""The keys that a driver reads from its [[device]], as a person wants to see them."""

import ast
import inspect
import itertools
import textwrap
from collections.abc import Iterator
from enum import Enum
from typing import Any, get_args

from msgspec import Struct
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo


class ConfigKey(Struct, frozen=True, kw_only=True):
    """`default` as the site file would say it; None: there is none."""

    name: str
    required: bool
    default: str | None
    meaning: str


def config_keys(model: type[BaseModel]) -> list[ConfigKey]:
    """Keys in the order of the model; those of a nested table follow it as `counters[].unit`."""
    return list(_keys(model, prefix=""))


def _keys(model: type[BaseModel], *, prefix: str) -> Iterator[ConfigKey]:
    docstrings = _docstrings(model)
    for name, field in model.model_fields.items():
        yield ConfigKey(
            name=prefix + name,
            required=field.is_required(),
            default=_default(field),
            meaning=" ".join((field.description or docstrings.get(name, "")).split()),
        )
        for nested in _models_in(field.annotation):
            yield from _keys(nested, prefix=f"{prefix}{name}[].")


def _default(field: FieldInfo) -> str | None:
    value = None if field.is_required() else field.get_default(call_default_factory=True)
    match value:
        case None | SecretStr():
            return None
        case bool():
            return str(value).lower()
        case Enum():
            return f'"{value.value}"'
        case str():
            return f'"{value}"'
        case _:
            return str(value)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        return
    for argument in get_args(annotation):
        yield from _models_in(argument)


def _docstrings(model: type[BaseModel]) -> dict[str, str]:
    """What stands below each key in the source; a subclass has the last word."""
    found: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        if not issubclass(kind, BaseModel) or kind is BaseModel:
            continue
        try:
            source = textwrap.dedent(inspect.getsource(kind))
        except (OSError, TypeError):
            continue  # made at run time, or shipped without source
        (tree,) = ast.parse(source).body
        if isinstance(tree, ast.ClassDef):
            found |= dict(_documented(tree.body))
    return found


def _documented(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for statement, below in itertools.pairwise(body):
        match statement, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                yield name, text
            case _:
                pass
