import pytest

from hr_core.store import all_tables
from hr_core.store.database import initialise, open_database

assert all_tables  # imported for the tables it defines


@pytest.fixture
def engine(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path}/core.db")
    initialise(engine)
    yield engine
    engine.dispose()
