"""The command line `hr-core`. Commands import what they need when they run: start-up is a feature."""

import gc
import os
import sys

INTERRUPTED = 130  # 128 + SIGINT, as every shell command
BROKEN = 2  # Python's own 1 would say "degraded"
OBJECTS_BETWEEN_COLLECTIONS = 100_000  # some tens of MB at most


def main(arguments: list[str] | None = None) -> int:
    """Runs one command and gives its exit code: 0 ok, 1 degraded, 2 broken, 3 usage."""
    if arguments is None:  # a process of its own
        # Rows are freed by their counts; the collector would look through a run's every 700 objects.
        gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    try:
        from hr_core.cli.app import run

        return run(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # `hr-core … | head` ended: nobody reads any more, and nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] in {"hr_core", "protocols"}:
            raise
        print(
            f"error: hr-core needs the package {error.name}, which a gateway install lacks\n"
            '  try: pip install "clockline[core]"',
            file=sys.stderr,
        )
        return BROKEN
    except Exception:  # noqa: BLE001 - the last stop: nothing below may look like "degraded"
        import traceback

        traceback.print_exc()
        print(
            "error: this is a bug of ours, and the lines above tell where; please report them",
            file=sys.stderr,
        )
        return BROKEN
