import pytest

from hr_core.store.database import initialise, open_database


@pytest.fixture
def engine(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path}/core.db")
    initialise(engine)
    yield engine
    engine.dispose()
