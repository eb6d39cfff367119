"""The console entry. What people and monitors ask most often is answered before typer, pydantic or
asyncio are imported: a `status` every few seconds must not cost a small gateway its CPU.

Whatever the hand-written parsing here does not understand goes to the full command line, which
also registers `status`; so both can only ever answer the same.
"""

import os
import sys

INTERRUPTED = 130  # 128 + SIGINT, as every shell command
BROKEN = 2  # Python's own 1 would say "degraded"


def main(arguments: list[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    try:
        if arguments is None:
            arguments = sys.argv[1:]
            if arguments[:1] == ["run"]:
                _keep_lean()
        code = _dispatch(arguments)
        sys.stdout.flush()  # here, where a closed pipe can still be answered
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # `edge-agent … | head` ended: nobody reads any more, and nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception:  # noqa: BLE001 - the last stop: nothing below may look like "degraded"
        import traceback

        traceback.print_exc()
        print(
            "error: edge-agent: this is a bug of ours, and the lines above tell where. "
            "Please report them — try: edge-agent doctor",
            file=sys.stderr,
        )
        return BROKEN
    return code


def _dispatch(arguments: list[str]) -> int:
    if not arguments:
        return _welcome()
    if arguments == ["--version"]:
        return _version()
    if arguments[0] == "status":
        options = parse_status(arguments[1:])
        if options is not None:
            from edge_agent.status.command import run_status

            return run_status(options[0], as_json=options[1])
    from edge_agent.cli.app import run

    return run(arguments)


def _keep_lean() -> None:
    """The agent lives for months and prints no tables: what only those need stays out.

    Only in a process of its own: a caller of `main` keeps its modules.
    """
    from edge_agent.lean_process import keep_out_human_output

    keep_out_human_output()


def parse_status(arguments: list[str]) -> tuple[str | None, bool] | None:
    """(site file, JSON wanted), or None for anything but `-c FILE`, `--config FILE`, `--json`."""
    config: str | None = None
    as_json = False
    rest = iter(arguments)
    for argument in rest:
        name, equals, value = argument.partition("=")
        if argument == "--json":
            as_json = True
        elif argument in {"-c", "--config"}:
            config = next(rest, None)
            if config is None:
                return None
        elif name == "--config" and equals:
            config = value
        else:
            return None
    return config, as_json


def _version() -> int:
    from importlib.metadata import PackageNotFoundError, version

    try:
        print(f"edge-agent {version('clockline')}")
    except PackageNotFoundError:
        print("edge-agent, from a source tree that is not installed")
    return 0


def _welcome() -> int:
    from edge_agent.config.places import config_candidates, find_config

    print("edge-agent collects punches and piece counts on a site and feeds them to the HR core.")
    config = find_config()
    if config is None:
        looked = ", ".join(str(candidate) for candidate in config_candidates())
        print(f"There is no site file yet (looked at {looked}). What fits now:\n")
        print("  edge-agent demo         the whole way from a punch to a payslip, on this machine")
        print("  edge-agent config init  write a site file; --device ADDRESS asks your terminal")
        print("  edge-agent doctor       check this machine")
    else:
        print(f"The site file is {config}. What fits now:\n")
        print("  edge-agent status       what the gateway is doing")
        print("  edge-agent doctor       check the gateway, its devices and the way to the core")
        print(f"  edge-agent run -c {config}    run the agent in this terminal")
    print("\nAll commands: edge-agent --help")
    return 0
