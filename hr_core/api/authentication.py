"""Who asks: the gateway that signed, with a key that is in force."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

import sqlalchemy as sa
from anyio import to_thread
from starlette.requests import Request

from hr_core.api.errors import ApiError
from hr_core.store.gateway_keys import GatewayKey, keys_of
from protocols.batch_chain import HeadError
from protocols.signed_request import SignedRequest, read_request
from protocols.signing import SignatureError

_ENROL = "Enrol the gateway at this core with a new token (hr-core token)"
_OURS = ("clockline-", "content-type", "content-encoding")


def single_headers(request: Request) -> Mapping[str, str]:
    """The headers that a signature hangs on, keys in lower case.

    Raises ApiError 400 when one of them comes twice: two readers could take one each.
    """
    found: dict[str, str] = {}
    for raw_name, raw_value in request.headers.raw:
        name = raw_name.decode("latin-1").lower()
        if not name.startswith(_OURS):
            continue
        if name in found:
            raise bad_head(f"{name} comes twice")
        found[name] = raw_value.decode("latin-1")
    return found


def bad_head(what: str) -> ApiError:
    return ApiError(400, "bad_head", what, "Update the older one of gateway and core")


class Asking(Protocol):
    """A request, whichever way it came (hr_core.api.incoming)."""

    @property
    def target(self) -> str: ...

    def headers(self) -> Mapping[str, str]: ...


async def authenticate(
    asking: Asking, engine: sa.Engine, now: datetime, body: bytes
) -> SignedRequest:
    """Raises ApiError 400, 401, 403."""
    try:
        signed = read_request(asking.headers(), target=asking.target, body=body)
    except HeadError as exc:
        raise bad_head(str(exc)) from exc
    await to_thread.run_sync(_check_request, engine, signed, now)
    return signed


def _check_request(engine: sa.Engine, signed: SignedRequest, now: datetime) -> None:
    with engine.connect() as conn:
        keys = gateway_keys_at(conn, signed.gateway, now)
    signing_key(keys, signed.gateway, now, signed.check)


def gateway_keys_at(conn: sa.Connection, gateway: str, now: datetime) -> list[GatewayKey]:
    """Every key that `gateway` ever had; one of them is in force. Raises ApiError 401, 403."""
    keys = keys_of(conn, gateway)
    if not keys:
        raise ApiError(
            401, "unknown_gateway", f"no gateway {gateway!r} is enrolled at this core", _ENROL
        )
    if not any(key.in_force(now) for key in keys):
        raise _refused_key(gateway, keys[-1])
    return keys


def signing_key(
    keys: list[GatewayKey], gateway: str, now: datetime, check: Callable[[bytes], None]
) -> bytes:
    """The public key that `check` accepts. Raises ApiError 403 when none does, or a refused one."""
    for key in keys:
        try:
            check(key.public_key)
        except SignatureError:
            continue
        if not key.in_force(now):
            raise _refused_key(gateway, key)
        return key.public_key
    raise ApiError(
        403,
        "bad_signature",
        f"what came in the name of {gateway!r} is not signed by it, or was changed on the way",
        f"Check proxies in between; if the gateway's key was lost: {_ENROL}",
    )


def _refused_key(gateway: str, key: GatewayKey) -> ApiError:
    if key.refused_from is None:
        what = f"the key of {gateway!r} is valid from {key.valid_from:%Y-%m-%d %H:%M} UTC on"
        return ApiError(403, "key_refused", what, "Check the clock of the core")
    return ApiError(
        403,
        "key_revoked",
        f"the key of {gateway!r} is refused from {key.refused_from:%Y-%m-%d %H:%M} UTC on",
        f"On the core: hr-core token {gateway} --again; there: edge-agent enroll --force",
    )
