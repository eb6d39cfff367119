import itertools

import pytest

import hr_core.store.all_tables  # noqa: F401 - imported for the tables it defines
from hr_core.accounts.login import LoginDesk
from hr_core.store.database import initialise, open_database
from tests.hr_core.accounts.quick import QUICK, Hours


@pytest.fixture
def engine(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path}/core.db")
    initialise(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def hours():
    return Hours()


@pytest.fixture
def desk(engine, hours):
    seeds = itertools.count(1)
    return LoginDesk(
        engine,
        QUICK,
        now=hours.now,
        entropy=lambda size: next(seeds).to_bytes(size, "big"),
    )
