"""Fixtures that every test folder may use."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from tests.free_ports import free_port

# How long an example takes on a busy machine is no property of the code; speed has its benchmarks.
settings.register_profile("unhurried", settings.default, deadline=None)
settings.load_profile("unhurried")

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture
def unused_tcp_port() -> int:
    """In place of pytest-asyncio's, whose port anybody's next connection may take."""
    return free_port()


@pytest.fixture(scope="session")
def unused_tcp_port_factory() -> Callable[[], int]:
    return free_port


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The captures and known-answer cases whose licence keeps them out of the project."""
    folder = Path(os.environ.get("CLOCKLINE_DATA", REPOSITORY.parent / "shared" / "data"))
    if folder.is_dir():
        return folder
    if os.environ.get("CLOCKLINE_REQUIRE_DATA") == "1":
        pytest.fail(f"CLOCKLINE_REQUIRE_DATA=1, but there is no folder {folder}")
    pytest.skip(f"the shared captures are not at {folder} (set CLOCKLINE_DATA)")
