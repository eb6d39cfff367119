import pytest

from tests.edge_agent.enrolment.served_core import Authority, ServedCore


@pytest.fixture(scope="package")
def core(tmp_path_factory):
    with ServedCore(tmp_path_factory.mktemp("core")).served() as served:
        yield served


@pytest.fixture(scope="package")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))
