"""Options that several commands share, so that they are called the same everywhere."""

from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="Site file (default: $EDGE_AGENT_CONFIG, ./site.toml, /etc/edge-agent/site.toml).",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
JsonLinesOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object a line, the summary last.")
]
