"""`edge-agent decode`: captured bytes as rows."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from edge_agent.cli.options import JsonLinesOption
from edge_agent.config.suggestion import did_you_mean
from edge_agent.errors import UsageError


def decode(
    kind: Annotated[str, typer.Argument(help="What the bytes are, such as zk-dat or zk-frames.")],
    files: Annotated[list[Path], typer.Argument(help="Captured files.", metavar="FILE...")],
    *,
    as_json: JsonLinesOption = False,
    table: Annotated[
        str | None, typer.Option(help="Which table a body without its URL is (zk-push).")
    ] = None,
) -> int:
    """Read captured bytes with the product's own decoders."""
    from edge_agent.decoding import KINDS, decode_files

    if kind not in KINDS:
        raise UsageError(
            f'unknown kind "{kind}"{did_you_mean(kind, KINDS)}',
            where="decode",
            remedy=f"Known kinds: {', '.join(sorted(KINDS))}",
            try_command="edge-agent decode --help",
        )
    if as_json:
        return decode_files(kind, files, table=table)
    from edge_agent.cli.row_table import RowTable

    with RowTable(sys.stdout) as rows:
        return decode_files(kind, files, table=table, out=rows)
