"""The command line `hr-core`. Commands import what they need when they run: start-up is a feature."""

import os
import sys

INTERRUPTED = 130  # 128 + SIGINT, as every shell command


def main(arguments: list[str] | None = None) -> int:
    """Runs one command and gives its exit code: 0 ok, 1 degraded, 2 broken, 3 usage."""
    from hr_core.cli.app import run

    try:
        return run(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # `hr-core … | head` ended: nobody reads any more, and nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
