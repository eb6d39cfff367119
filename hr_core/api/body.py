"""Reading a batch's body: bounded while it arrives, bounded while it inflates."""

import asyncio

import zstandard
from starlette.requests import ClientDisconnect, Request

from hr_core.api.errors import ApiError
from protocols.uplink import MAX_BATCH_BYTES

# A body that zstd cannot shrink is as long as its content; nothing longer can be a batch.
MAX_BODY_BYTES = MAX_BATCH_BYTES
BODY_TIMEOUT_S = 60.0  # a gateway on a slow line gives up after its own time-out long before
_INFLATE_STEP = 256 * 1024
# zstd's own recommendation for decoders; a frame may ask for gigabytes of window.
_MAX_WINDOW_BYTES = 8 * 1024 * 1024

_TOO_LARGE = "Send smaller batches"


async def read_body(request: Request, limit: int | None = None) -> bytes:
    """The body as sent. Raises ApiError 413 as soon as it is too long, 408 when it dawdles, 400 when it
    breaks off.
    """
    limit = MAX_BODY_BYTES if limit is None else limit
    announced = request.headers.get("Content-Length", "")
    if announced.isascii() and announced.isdigit() and int(announced) > limit:
        raise _too_large("body", limit)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise _too_large("body", limit)
    except ClientDisconnect as exc:
        raise ApiError(
            400,
            "body_cut",
            f"the connection ended after {len(body)} bytes of the body",
            "Send the same batch again",
        ) from exc
    except TimeoutError as exc:
        raise ApiError(
            408,
            "body_timeout",
            f"the body did not arrive within {BODY_TIMEOUT_S:g} s",
            "Send the same batch again",
        ) from exc
    return bytes(body)


def inflate(body: bytes, encoding: str) -> bytes:
    """`encoding` is the Content-Encoding header. Raises ApiError 415, 413, 422."""
    match encoding.strip().lower():
        case "" | "identity":
            return body
        case "zstd":
            return _inflate_zstd(body)
        case _:
            raise ApiError(
                415,
                "unknown_encoding",
                f"Content-Encoding {encoding[:40]!r} is not known here",
                "Send zstd or no Content-Encoding",
            )


def _inflate_zstd(body: bytes) -> bytes:
    decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES)
    inflated = bytearray()
    try:
        with decompressor.stream_reader(body) as reader:
            while chunk := reader.read(_INFLATE_STEP):
                inflated += chunk
                if len(inflated) > MAX_BATCH_BYTES:
                    raise _too_large("inflated body", MAX_BATCH_BYTES)
    except zstandard.ZstdError as exc:
        raise ApiError(
            422, "not_zstd", f"the body is not zstd ({exc})", "Check what sends it"
        ) from exc
    return bytes(inflated)


def _too_large(what: str, limit: int) -> ApiError:
    return ApiError(413, "too_large", f"the {what} is over the cap of {limit} bytes", _TOO_LARGE)
