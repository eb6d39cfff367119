#!/usr/bin/env python3
"""Write docs/quality-scale.md from drivers/quality_scale.toml.

    .venv/bin/python tools/quality_scale.py

A test holds the checked-in page to what this writes.
"""

from pathlib import Path

from drivers.catalog import load_driver
from drivers.quality_scale import Answer, Level, Scale, quality_scale

PAGE = Path(__file__).resolve().parent.parent / "docs" / "quality-scale.md"

INTRO = """\
# The quality scale of drivers

Written by `tools/quality_scale.py` from `drivers/quality_scale.toml`; correct it there, not here.

Each rule is answered for each built-in driver: by the test that would fail if it did not hold (for the
technician's page: by the page), by *exempt* with the reason, or by *to do* with what is missing. A
driver has the highest level of which, and of all levels below, nothing is left to do.
`edge-agent driver list` prints the levels, `edge-agent driver show KIND` the answers. A driver of
another package has no level here: `edge-agent driver check PACKAGE` holds it to the rule `conforms`,
and the others are a list for its author.

| level | what it says |
|---|---|
"""


def page(scale: Scale) -> str:
    parts = [INTRO + "".join(f"| {level} | {text} |\n" for level, text in scale.meaning.items())]
    parts.append(_drivers(scale))
    parts += [_level(scale, level) for level in scale.rules]
    return "\n".join(parts)


def _drivers(scale: Scale) -> str:
    rows = ["## The drivers\n", "| driver | kind | level | next |", "|---|---|---|---|"]
    for kind in scale.drivers:
        title = load_driver(kind).manifest.title
        rows.append(f"| {title} | `{kind}` | {scale.level(kind)} | {_next(scale, kind)} |")
    return "\n".join([*rows, ""])


def _next(scale: Scale, kind: str) -> str:
    """What stands between the driver and its next level."""
    for rules in scale.rules.values():
        left = [rule for rule in rules if scale.drivers[kind][rule].todo]
        if left:
            return ", ".join(f"`{rule}`" for rule in left)
    return "-"


def _level(scale: Scale, level: Level) -> str:
    parts = [
        f"## {level.capitalize()}: {scale.meaning[level][0].lower()}{scale.meaning[level][1:]}\n"
    ]
    for rule, holds in scale.rules[level].items():
        parts.append(f"**`{rule}`** {holds}.\n")
        parts += [f"- {kind}: {_answer(row[rule])}" for kind, row in scale.drivers.items()]
        parts.append("")
    return "\n".join(parts)


def _answer(answer: Answer) -> str:
    if answer.done:
        return ", ".join(
            f"[{proof}]({Path(proof).relative_to('docs')})"
            if proof.endswith(".md")
            else f"`{proof}`"
            for proof in answer.done
        )
    return f"*exempt*: {answer.exempt}" if answer.exempt else f"*to do*: {answer.todo}"


if __name__ == "__main__":
    PAGE.write_text(page(quality_scale()), encoding="utf-8")
