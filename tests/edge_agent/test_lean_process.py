"""What the agent process may not carry for months."""

import subprocess
import sys

LOADED = """
import sys
{first}
import edge_agent.app, edge_agent.config.loading, drivers.zk_pull, drivers.modbus_counter, sync.http
import httpx
httpx.Client().close()
print(*sorted(name for name in sys.modules if sys.modules[name] is not None))
"""
KEPT_OUT = "from edge_agent.lean_process import keep_out_human_output as out; out()"


def modules(first):
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(first=first)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_the_agent_loads_nothing_that_only_a_person_would_look_at():
    loaded = modules(KEPT_OUT)
    assert loaded.isdisjoint({"rich", "click", "pygments", "typer", "numpy", "sqlalchemy"})
    assert {"structlog", "httpx", "pydantic"} <= loaded


def test_without_keeping_it_out_it_would():
    assert "rich" in modules("")
