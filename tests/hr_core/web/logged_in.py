"""A client of the pages that has logged in, as a browser does."""

import contextlib
import re
import secrets

import httpx

from hr_core.accounts.login import LoginDesk
from hr_core.api.app import create_app
from hr_core.web.admission import Admission
from hr_core.web.routes import page_routes
from tests.hr_core.accounts.quick import PASSWORD, QUICK
from tests.hr_core.signed_batches import CORE_KEY
from tests.hr_core.web.plant import PlantClock


@contextlib.asynccontextmanager
async def logged_in(engine, name):
    login = LoginDesk(engine, QUICK, now=PlantClock().now, entropy=secrets.token_bytes)
    admission = Admission(engine, PlantClock())
    routes = page_routes(engine, PlantClock(), admission=admission, login=login)
    app = create_app(engine, clock=PlantClock(), core_key=CORE_KEY, extra_routes=routes)
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 50_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        words = {"form_token": field(await client.get("/en/login"), "form_token"), "name": name}
        await client.post("/en/login", data=words | {"password": PASSWORD})
        yield client


def field(answer, name):
    """The value of the first such field on the page."""
    return re.search(rf'name="{name}" value="([^"]*)"', answer.text)[1]
