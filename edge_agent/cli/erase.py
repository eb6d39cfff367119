"""`edge-agent spool erase`: one person's records go from this gateway."""

import json
from pathlib import Path
from typing import Annotated

import typer

from edge_agent.cli.audit import audit
from edge_agent.cli.decisions import deciding_person, refusal, sentence_of, spool_of
from edge_agent.cli.options import ConfigOption, JsonOption
from edge_agent.errors import ExitCode


def erase(
    *,
    user: Annotated[str, typer.Option("--user", help="User id, as the terminals know it.")],
    reason: Annotated[str, typer.Option("--reason", help="On whose order. Kept for ever.")],
    device: Annotated[
        str | None, typer.Option("--device", help="Only of this device: serial or name.")
    ] = None,
    config_file: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """Take out all records of one person, for good. Exit 1 while some are still to be sent.

    Take the person off the terminals first, and erase at the core too: hr-core erase.
    """
    from edge_agent.spool.erasing import Whose, erase_person
    from edge_agent.spool.reading import set_aside_files

    text = sentence_of(reason, "--reason", 'spool erase --user ID --reason "…"')
    path = spool_of(config_file)
    serial = None if device is None else _serial_of(path, device)
    done = erase_person(path, Whose(user, serial), text, deciding_person())
    gone = done.rows + done.kept_apart
    if not gone and not done.waiting:
        raise refusal(
            f"no record here is of user {user}",
            "--user",
            "The id is a text: leading zeros count",
            "spool erase --help",
        )
    audit(serial or "all", "spool-erase", text, after=f"{gone} records")
    aside = [str(file) for file in set_aside_files(path)]
    if as_json:
        print(json.dumps({"erased": gone, "waiting": done.waiting, "set_aside": aside}))
    else:
        print(f"{gone} records are erased here. At the core: hr-core erase --user {user}")
        if done.waiting:
            print(f"{done.waiting} are still to be sent, or wait for an answer: run this again")
        for file in aside:
            print(f"{file}: a damaged spool that was set aside may hold some; delete it")
    return ExitCode.DEGRADED if done.waiting else ExitCode.OK


def _serial_of(path: Path, wanted: str) -> str:
    """Raises UsageError for what is no device."""
    from edge_agent.spool.reading import read_ledger

    devices = read_ledger(path)["devices"]
    found = sorted({row["serial"] for row in devices if wanted in {row["serial"], row["name"]}})
    found = [serial for serial in found if not serial.endswith("/operations")]
    if len(found) != 1:
        what = f"{wanted} was several units: {', '.join(found)}" if found else f"no device {wanted}"
        raise refusal(what, "--device", "edge-agent status shows the serials", "spool erase --help")
    return str(found[0])
