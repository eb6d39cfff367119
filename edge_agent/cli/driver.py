"""`edge-agent driver`: which drivers there are, what each wants, and whether one keeps its promises."""

import contextlib
import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_agent.cli.options import JsonOption
from edge_agent.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from edge_agent.driver_check.rules import Finding
    from edge_agent.driver_check.shape import Candidate

app = typer.Typer(help="The drivers: which there are, their keys, and a check of one.")
Kind = Annotated[str, typer.Argument(metavar="KIND", help="The word in the site file: zk-pull, …")]


@app.command("list")
def list_drivers(*, as_json: JsonOption = False) -> int:
    """Every driver that this installation has: built in, and from other packages."""
    from edge_agent.cli.table import print_table
    from edge_agent.driver_check.listing import described, installed

    rows = [described(candidate) for candidate in installed()]
    if as_json:
        print(json.dumps({"drivers": rows}, ensure_ascii=False))
    else:
        columns = ["kind", "title", "makes", "mode", "capabilities", "from", "quality"]
        print_table(sys.stdout, [column.upper() for column in columns], [
            [_text(row.get(column)) for column in columns] for row in rows
        ])  # fmt: skip
        for row in rows:
            if "problem" in row:
                print(f"{row['kind']} cannot be used: it {row['problem']}")
    return ExitCode.DEGRADED if any("problem" in row for row in rows) else ExitCode.OK


@app.command("show")
def show(kind: Kind, *, as_json: JsonOption = False) -> int:
    """One driver: what it is for, the keys of its [[device]], and how well it is proven."""
    from edge_agent.cli.device_session import print_facts
    from edge_agent.cli.table import print_table
    from edge_agent.driver_check.listing import detailed

    told = detailed(_candidate(kind))
    if as_json:
        print(json.dumps(told, ensure_ascii=False))
    elif "problem" in told:
        print(f"{kind} cannot be used: it {told['problem']}")
    else:
        keys = told.pop("keys")
        rules = told.pop("rules")
        print_facts({name: _text(value) for name, value in told.items()})
        print_table(sys.stdout, ["KEY", "DEFAULT", "MEANING"], [
            [key["name"], _default(key), key["meaning"]] for key in keys
        ])  # fmt: skip
        if rules:
            print_table(sys.stdout, ["QUALITY RULE", "LEVEL", "ANSWER"], [
                [rule["rule"], rule["level"], rule["answer"]] for rule in rules
            ])  # fmt: skip
    return ExitCode.DEGRADED if "problem" in told else ExitCode.OK


def _default(key: dict[str, Any]) -> str:
    return "(required)" if key["required"] else key["default"] or "-"


@app.command("check")
def check(
    package: Annotated[
        str,
        typer.Argument(
            metavar="PACKAGE", help="Installed package that brings drivers, or the kind of one."
        ),
    ],
    *,
    as_json: JsonOption = False,
) -> int:
    """Hold a driver to the contract: its shape, its package, and its conduct with its simulator."""
    from edge_agent.cli.table import print_table

    found = _candidates(package)
    # stdout holds the answer alone; what the driver prints or logs is shown beside it.
    with contextlib.redirect_stdout(sys.stderr):
        reports = {candidate.kind: _checked(candidate) for candidate in found}
    code = _worst([finding for findings in reports.values() for finding in findings])
    if as_json:
        print(json.dumps(_as_object(package, reports, code), ensure_ascii=False))
        return code
    for kind, findings in reports.items():
        print(f"driver {kind}")
        print_table(sys.stdout, ["RULE", "RESULT", "SEEN", "HOW TO MEND IT"], [
            [one.rule, one.verdict, one.seen, one.remedy] for one in findings
        ])  # fmt: skip
    print(_verdict(code))
    return code


def _checked(candidate: "Candidate") -> "list[Finding]":
    import asyncio

    from edge_agent.driver_check.checking import check_driver
    from edge_agent.driver_check.watchdog import watched_loop

    async def collected() -> "list[Finding]":
        async with watched_loop():
            return [finding async for finding in check_driver(candidate)]

    return asyncio.run(collected())


def _worst(findings: "list[Finding]") -> ExitCode:
    verdicts = {finding.verdict.value for finding in findings}
    if "failed" in verdicts:
        return ExitCode.BROKEN
    return ExitCode.DEGRADED if "advised" in verdicts else ExitCode.OK


def _verdict(code: ExitCode) -> str:
    return {
        ExitCode.OK: "It conforms.",
        ExitCode.DEGRADED: "It conforms; what is advised would help those who use it.",
    }.get(code, "It does not conform: mend what failed, from the top.")


def _as_object(package: str, reports: "dict[str, list[Finding]]", code: ExitCode) -> dict[str, Any]:
    import msgspec

    drivers = [
        {"kind": kind, "rules": [msgspec.to_builtins(one) for one in findings]}
        for kind, findings in reports.items()
    ]
    return {"package": package, "status": code.name.lower(), "drivers": drivers}


def _candidate(kind: str) -> "Candidate":
    from edge_agent.config.suggestion import did_you_mean
    from edge_agent.driver_check.listing import installed

    known = {candidate.kind: candidate for candidate in installed()}
    if kind in known:
        return known[kind]
    raise UsageError(
        f"there is no such driver{did_you_mean(kind, known)}",
        where=kind,
        remedy=f"Known kinds: {', '.join(known)}",
        try_command="edge-agent driver list",
    )


def _candidates(package: str) -> "list[Candidate]":
    """All drivers of the package, or the one of that kind."""
    from importlib.metadata import PackageNotFoundError, distribution

    from edge_agent.config.suggestion import did_you_mean
    from edge_agent.driver_check.listing import installed, same_name

    everything = installed()
    found = [
        candidate
        for candidate in everything
        if candidate.kind == package
        or (candidate.package is not None and same_name(candidate.package.name, package))
    ]
    if found:
        return found
    try:
        distribution(package)
    except (PackageNotFoundError, ValueError):
        packages = {one.package.name for one in everything if one.package is not None}
        words = sorted(packages | {one.kind for one in everything})
        raise UsageError(
            f"no such package is installed here, and no such kind{did_you_mean(package, words)}",
            where=package or "driver check",
            remedy="Install it into the environment of edge-agent, under the name of its "
            "pyproject.toml",
            try_command="edge-agent driver list",
        ) from None
    raise UsageError(
        "this package brings no driver",
        where=package,
        remedy='Add [project.entry-points."clockline.drivers"] to its pyproject.toml and install '
        "it again; docs/write-a-driver.md shows how",
        try_command="edge-agent driver list",
    )


def _text(value: object) -> str:
    match value:
        case None:
            return "-"
        case list():
            return ", ".join(map(str, value)) or "-"
        case _:
            return str(value)
