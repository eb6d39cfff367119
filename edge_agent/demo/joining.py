"""The demo's gateway joins its core as every gateway does: with a one-time token."""

from pathlib import Path
from secrets import token_bytes

from edge_agent.config.loading import load_config
from edge_agent.enrolment.joining import enrol
from protocols.enrolment_token import decode_token


def join(site_file: Path, token: str) -> None:
    site = load_config(site_file)
    enrol(site, decode_token(token), url=None, force=False, entropy=token_bytes)
