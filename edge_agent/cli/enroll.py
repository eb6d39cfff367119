"""`edge-agent enroll`: join a core, or renew the key."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.cli.options import ConfigOption, JsonOption
from edge_agent.errors import CommandError, UsageError

if TYPE_CHECKING:
    from edge_agent.config.models import SiteConfig
    from edge_agent.enrolment.identity import StoredIdentity
    from protocols.enrolment_token import EnrolmentToken

_TRY = "edge-agent enroll --help"


def enroll(  # noqa: PLR0913 - one option each
    token: Annotated[
        str | None,
        typer.Argument(
            help="What hr-core token printed; - reads it from standard input.", show_default=False
        ),
    ] = None,
    *,
    token_file: Annotated[
        Path | None, typer.Option("--token-file", help="Read the token from this file.")
    ] = None,
    config_file: ConfigOption = None,
    url: Annotated[
        str | None,
        typer.Option("--url", help="Address of the core [default: the site file's, the token's]."),
    ] = None,
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Renew the key of an enrolled gateway; no token.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the identity that is here already.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Join a core with a one-time token, or renew this gateway's key. The key never leaves it."""
    from secrets import token_bytes

    from edge_agent.config.loading import load_config
    from edge_agent.config.places import require_config
    from edge_agent.enrolment.joining import enrol
    from edge_agent.enrolment.joining import rotate as rotate_key

    _check_usage(token, token_file, url, rotate=rotate, force=force)
    site = load_config(require_config(config_file))
    if rotate:
        identity = rotate_key(site, entropy=token_bytes)
    else:
        read = _read_token(token, token_file)
        identity = enrol(site, read, url=url, force=force, entropy=token_bytes)
    if as_json:
        print(json.dumps(_fields(identity), ensure_ascii=False))
    else:
        _tell(site, identity)


def _check_usage(
    token: str | None, token_file: Path | None, url: str | None, *, rotate: bool, force: bool
) -> None:
    tokens = [given for given in (token, token_file) if given is not None]
    if rotate and (tokens or force or url):
        what, remedy = "--rotate stands alone", "The old key vouches for the new one: no token"
    elif not rotate and len(tokens) != 1:
        what = "there is no token" if not tokens else "there are two tokens"
        remedy = "Give what hr-core token printed, - for standard input, or --token-file"
    else:
        return
    raise UsageError(what, where="edge-agent enroll", remedy=remedy, try_command=_TRY)


def _read_token(given: str | None, file: Path | None) -> "EnrolmentToken":
    from protocols.enrolment_token import MAX_TOKEN_CHARS, TokenError, decode_token

    limit = 2 * MAX_TOKEN_CHARS + 1
    try:
        if file is not None:
            with file.open(encoding="utf-8") as content:
                given = content.read(limit)
        elif given == "-":
            if sys.stdin.isatty():
                print("Paste the token, then Enter:", file=sys.stderr, flush=True)
            given = sys.stdin.readline(limit)
        return decode_token(given or "")
    except TokenError as error:
        raise CommandError(
            f"{error} ({error.code})",
            where="token",
            remedy=_REMEDIES[error.code],
            try_command=_TRY,
        ) from error
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "not text"
        raise CommandError(
            f"cannot be read ({reason})",
            where=str(file or "standard input"),
            remedy="Put the token into a file that you may read",
            try_command=_TRY,
        ) from exc


_REMEDIES = {
    "token_mistyped": "Copy it again, whole and in one piece; it has not been used up",
    "not_a_token": "Give the line that hr-core token printed",
    "token_version": "Update the older one of gateway and core",
}


def _fields(identity: "StoredIdentity") -> dict[str, object]:
    retired = identity.retired
    return {
        "gateway": identity.gateway,
        "site": identity.site,
        "core_url": identity.core_url,
        "core_public": identity.core_public,
        "public_key": identity.public_key,
        "valid_from": identity.enrolled_at.isoformat(),
        "old_key_refused_from": retired[1].isoformat() if retired else None,
    }


def _tell(site: "SiteConfig", identity: "StoredIdentity") -> None:
    from protocols.key_text import fingerprint

    key = fingerprint(bytes.fromhex(identity.public_key))
    if identity.retired:
        until = f"{identity.retired[1]:%Y-%m-%d %H:%M} UTC"
        print(f"Gateway {identity.gateway} signs with key {key} now.")
        print(
            f"The core accepts the old key until {until}; a running agent changes over by itself."
        )
        return
    print(f"Gateway {identity.gateway} has joined {identity.core_url} (site {identity.site}).")
    print(
        f"Its key is {key}, the core's {fingerprint(bytes.fromhex(identity.core_public))}; "
        f"on the core, hr-core gateways shows the same."
    )
    if site.uplink is None:
        print(f'Now add to {site.path}:\n\n[uplink]\nurl = "{identity.core_url}"\n')
    if identity.site != site.site.name:
        print(
            f'Note: the core has it on site "{identity.site}", the site file says '
            f'"{site.site.name}".'
        )
