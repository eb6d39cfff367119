import httpx
import pytest

from hr_core.api.app import create_app
from hr_core.web.routes import page_routes
from tests.hr_core.signed_batches import CORE_KEY
from tests.hr_core.web.plant import PlantClock, empty_core, running_plant


@pytest.fixture(scope="session")
def plant(tmp_path_factory):
    """The engine of a plant with an October that is paid and a November that goes on."""
    engine = running_plant(tmp_path_factory.mktemp("plant"))
    yield engine
    engine.dispose()


@pytest.fixture
def new_core(tmp_path):
    engine = empty_core(tmp_path)
    yield engine
    engine.dispose()


@pytest.fixture
def browse():
    """Makes a client of an engine's pages: on this machine, or `from_host` elsewhere.

    `board` and `alerts` as of `page_routes`.
    """

    def client(engine, *, from_host="127.0.0.1", base_url="http://localhost", **line_board):
        clock = PlantClock()
        routes = page_routes(engine, clock, **line_board)
        app = create_app(engine, clock=clock, core_key=CORE_KEY, extra_routes=routes)
        transport = httpx.ASGITransport(app, client=(from_host, 50_000))
        return httpx.AsyncClient(transport=transport, base_url=base_url)

    return client
