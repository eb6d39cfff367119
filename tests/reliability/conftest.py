"""Everything here is the rig: `make test-slow` runs it, `make test` does not."""

from pathlib import Path

import pytest

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:  # of every folder that was collected
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.rig)
