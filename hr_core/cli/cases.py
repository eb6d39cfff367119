"""`hr-core cases run`: known answers of other systems, run against the engines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hr_core.cli.options import ExitCode, print_json

if TYPE_CHECKING:
    from hr_core.cases.run import CaseResult

app = typer.Typer(help="Known-answer cases.", rich_markup_mode=None)


@app.callback()
def _cases() -> None: ...


@app.command("run")
def run(
    paths: Annotated[
        list[Path],
        typer.Argument(help="Files of hrcase/1, or folders of them.", show_default=False),
    ],
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a case, the summary last.")
    ] = False,
) -> int:
    """Run known-answer cases through the engines; 1 when one failed."""
    from hr_core.cases.run import Outcome, run_case, summary

    # Every file is read before the first is run: half an answer would look like a whole one.
    read = _read(paths)
    results: list[CaseResult] = []
    for file, cases in read:
        own = [run_case(case) for case in cases]
        results += own
        for result in own:
            if as_json:
                print_json(result)
        if not as_json:
            _print_file(file, own)
    counted = summary(results)
    if as_json:
        print_json({"summary": counted})
    else:
        print(_row("all", counted))
    return ExitCode.DEGRADED if counted[Outcome.FAILED] else ExitCode.OK


def _read(paths: list[Path]) -> list[tuple[Path, list[Any]]]:
    """What lies in a folder beside cases is named and left out; what was named must be cases."""
    from hr_core.cases.files import OtherFileError, case_files, cases_of

    read = []
    others: list[OtherFileError] = []
    for file in case_files(paths):
        try:
            read.append((file, cases_of(file)))
        except OtherFileError as other:
            if file in paths:
                raise
            others.append(other)
    if others and not read:
        raise others[0]
    for left_out in others:
        print(f"left out: {left_out}", file=sys.stderr)
    return read


def _print_file(file: Path, results: list[CaseResult]) -> None:
    from hr_core.cases.run import Outcome, summary

    print(_row(file.name, summary(results)))
    for result in results:
        if result.result is not Outcome.PASSED:
            print(f"  {result.result} {result.case}")
            for difference in result.differences:
                print(f"    {difference}")


def _row(name: str, counted: dict[str, int]) -> str:
    figures = "  ".join(f"{outcome} {count:4}" for outcome, count in counted.items())
    return f"{name:46} {figures}"
