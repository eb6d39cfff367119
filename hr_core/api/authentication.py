"""Who asks: the gateway that owns the request's bearer token."""

import sqlalchemy as sa
from anyio import to_thread
from starlette.requests import Request

from hr_core.api.errors import ApiError
from hr_core.tokens import Gateway, check_token


async def authenticate(request: Request, engine: sa.Engine) -> Gateway:
    """Raises ApiError 401."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    gateway = None
    if scheme.lower() == "bearer":
        gateway = await to_thread.run_sync(check_token, engine, token.strip())
    if gateway is None:
        raise ApiError(
            401,
            "token_refused",
            "no gateway has this token",
            "Issue one with hr-core token and put it in the gateway's site file",
        )
    return gateway
