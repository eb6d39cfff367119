import pytest

from edge_agent.spool.store import Spool
from tests.edge_agent.spool.deliveries import BOOT, ManualClock


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "spool.db"


@pytest.fixture
def spool(path, clock):
    opened = Spool.open(path, clock=clock, boot_id=BOOT)
    yield opened
    opened.close()
