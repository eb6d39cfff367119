"""`edge-agent driver`, as the author of a package runs it: without a checkout, told what is wrong."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from drivers.catalog import built_in_kinds
from edge_agent.driver_check.shape import forbidden_imports

METADATA = "Metadata-Version: 2.4\nName: acme-clock\nVersion: 1.0\n"
DRIVER = "[clockline.drivers]\ndemo-clock = demo_clock.driver:DemoClockDriver\n"
SIMULATOR = "[clockline.simulators]\ndemo-clock = demo_clock.simulator:simulate\n"


class Site:
    """A folder of installed packages that holds a copy of the example, to be spoilt."""

    def __init__(self, folder: Path, repository: Path) -> None:
        self.folder = folder
        self.repository = repository
        shutil.copytree(
            repository / "examples/third-party-driver/demo_clock",
            folder / "demo_clock",
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        self.info = folder / "acme_clock-1.0.dist-info"
        self.info.mkdir()
        (self.info / "METADATA").write_text(METADATA)
        (self.info / "entry_points.txt").write_text(DRIVER + SIMULATOR)

    def spoil(self, file: str, old: str, new: str) -> None:
        path = self.folder / "demo_clock" / file
        text = path.read_text("utf-8")
        assert old in text, "the example has changed: spoil something else"
        path.write_text(text.replace(old, new), "utf-8")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "edge_agent", *arguments],
            env=os.environ | {"PYTHONPATH": f"{self.folder}{os.pathsep}{self.repository}"},
            cwd=self.folder,  # nothing of a checkout in sight
            check=False,
            capture_output=True,
            text=True,
            timeout=50,
        )

    def checked(self, *, code: int) -> dict[str, dict[str, str]]:
        """The findings of `driver check` by rule."""
        ended = self.run("driver", "check", "acme-clock", "--json")
        assert ended.returncode == code, ended.stdout + ended.stderr
        told = json.loads(ended.stdout)
        assert told["status"] == {0: "ok", 1: "degraded", 2: "broken"}[code]
        (driver,) = told["drivers"]
        return {finding["rule"]: finding for finding in driver["rules"]}


@pytest.fixture
def site(tmp_path, repository) -> Site:
    return Site(tmp_path, repository)


def unmet(findings: dict[str, dict[str, str]]) -> set[str]:
    return {rule for rule, one in findings.items() if one["verdict"] in {"failed", "advised"}}


def test_a_sound_driver_passes_every_rule(site: Site) -> None:
    findings = site.checked(code=0)
    assert len(findings) == 17
    assert {one["verdict"] for one in findings.values()} == {"passed"}
    assert all(one["seen"] and one["holds"] for one in findings.values())


@pytest.mark.parametrize(
    ("file", "old", "new", "rules", "seen"),
    [
        pytest.param(
            "driver.py", "known = _known(cursor, lines)", "known = 0",
            {"every_record_once", "nothing_new", "comes_back"}, "delivered 2",
            id="forgets the cursor",
        ),
        pytest.param(
            "driver.py", "return Identity(await self._serial(talk))", "return 1 // 0",
            {"identity", "another_device", "closing"}, "ZeroDivisionError",
            id="has a bug",
        ),
        pytest.param(
            "driver.py", "if expected not in {None, found}", "if False",
            {"another_device"}, "another serial was expected", id="reads any device",
        ),
        pytest.param(
            "driver.py", '("count", "clock")', '("count", "clock", "users")',
            {"orders"}, "promised: users; there: none", id="promises too much",
        ),
        pytest.param(
            "driver.py", '("count", "clock")', '("count",)',
            {"capabilities"}, "`clock` is not promised", id="promises too little",
        ),
        pytest.param(
            "driver.py", "from protocols.records", "from drivers import errors\nfrom protocols.records",
            {"imports"}, "driver.py:11 drivers", id="imports ours",
        ),
        pytest.param(
            "wire.py", "raw=line,\n                )", "raw=b'',\n                )",
            {"every_record_once"}, "without its raw bytes", id="drops the bytes",
        ),
        pytest.param(
            "driver.py", "asked_at, started = self._clock.now()",
            "from datetime import UTC, datetime\n        asked_at, started = datetime.now(UTC)",
            {"capabilities"}, "not that of context.clock", id="looks at its own clock",
        ),
        pytest.param(
            "simulator.py", "def come_back", "def come_home",
            {"simulator"}, "no come_back()", id="simulator lacks a member",
        ),
    ],
)  # fmt: skip
def test_each_fault_is_found_by_its_rule(site: Site, file, old, new, rules, seen) -> None:
    site.spoil(file, old, new)
    findings = site.checked(code=2)
    assert unmet(findings) == rules
    assert any(seen in findings[rule]["seen"] for rule in rules)
    assert all(findings[rule]["remedy"] for rule in rules)


def test_a_driver_that_blocks_the_loop_is_stopped_and_its_line_told(site: Site) -> None:
    site.spoil(
        "driver.py", "return LogCount(", "import time; time.sleep(60)\n            return LogCount("
    )
    findings = site.checked(code=2)
    assert unmet(findings) == {"capabilities"}
    assert "stood still" in findings["capabilities"]["seen"]
    assert "driver.py:" in findings["capabilities"]["seen"]


def test_what_only_helps_users_is_advice(site: Site) -> None:
    site.spoil("driver.py", '= Field(description="IP address or name of the clock")', "")
    findings = site.checked(code=1)
    assert unmet(findings) == {"config_explained"}
    assert findings["config_explained"]["seen"] == "nothing explains host"


def test_without_a_simulator_the_shape_is_told_and_the_rest_is_not_asked(site: Site) -> None:
    (site.info / "entry_points.txt").write_text(DRIVER)
    findings = site.checked(code=2)
    assert unmet(findings) == {"simulator"}
    assert findings["identity"]["verdict"] == "not applicable"


def test_a_driver_that_does_not_load_is_told_once(site: Site) -> None:
    site.spoil("driver.py", "import asyncio\n", "import no_such_library\n")
    findings = site.checked(code=2)
    assert unmet(findings) == {"loads"}
    assert "no_such_library" in findings["loads"]["seen"]
    listed = site.run("driver", "list")
    assert listed.returncode == 1
    assert "demo-clock cannot be used" in listed.stdout
    assert site.run("driver", "show", "demo-clock").returncode == 1


def test_what_a_driver_prints_is_not_in_the_answer(site: Site) -> None:
    site.spoil(
        "driver.py",
        "async with self._connected() as talk:",
        "print('hello')\n        async with self._connected() as talk:",
    )
    assert site.checked(code=0)


def test_the_table_is_aligned_and_ends_with_a_verdict(site: Site) -> None:
    ended = site.run("driver", "check", "demo_clock")
    assert ended.returncode == 3
    ended = site.run("driver", "check", "Acme.Clock")
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    (head,) = [line for line in lines if "HOW TO MEND IT" in line]
    rows = [line for line in lines if "passed" in line]
    assert len(rows) == 17
    assert {line.index("passed") for line in rows} == {head.index("RESULT")}
    assert lines[-1] == "It conforms."


@pytest.mark.parametrize(
    ("package", "told"),
    [
        ("acme-clok", 'did you mean "acme-clock"?'),
        ("rich", "brings no driver"),
        ("", "no such package"),
        ("../x", "no such package"),
    ],
)
def test_a_wrong_name_says_what_to_do(site: Site, package: str, told: str) -> None:
    ended = site.run("driver", "check", package)
    assert ended.returncode == 3
    assert told in ended.stderr
    assert ended.stdout == ""


def test_a_built_in_kind_can_be_checked_too(site: Site) -> None:
    ended = site.run("driver", "check", "rdm6300", "--json")
    assert ended.returncode == 0, ended.stdout
    (driver,) = json.loads(ended.stdout)["drivers"]
    verdicts = {one["rule"]: one["verdict"] for one in driver["rules"]}
    assert verdicts["imports"] == "not applicable"
    assert verdicts["redelivery"] == "passed"


def test_list_names_ours_and_theirs_with_their_origin(site: Site) -> None:
    rows = json.loads(site.run("driver", "list", "--json").stdout)["drivers"]
    by_kind = {row["kind"]: row for row in rows}
    assert list(by_kind) == [*built_in_kinds(), "demo-clock"]
    assert by_kind["demo-clock"]["from"] == "acme-clock"
    assert by_kind["demo-clock"]["quality"] is None
    assert by_kind["zk-pull"]["from"] == "built in"
    assert by_kind["zk-pull"]["quality"] == "sturdy"
    assert "zk-pull" in site.run("driver", "list").stdout


def test_show_explains_every_key(site: Site) -> None:
    told = json.loads(site.run("driver", "show", "modbus-counter", "--json").stdout)
    keys = {key["name"]: key for key in told["keys"]}
    assert keys["host"]["required"]
    assert keys["port"]["default"] == "502"
    assert keys["counters[].word_order"]["default"] == '"big"'
    assert all(key["meaning"] for key in keys.values())
    text = site.run("driver", "show", "zk-pull").stdout
    assert "Comm. > PC Connection" in text
    assert "captured_session" in text
    assert site.run("driver", "show", "zk-pul").returncode == 3


def test_simulate_serves_the_device_of_another_package(site: Site) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "edge_agent", "simulate", "demo-clock", "--records", "3"],
        env=os.environ | {"PYTHONPATH": f"{site.folder}{os.pathsep}{site.repository}"},
        stdout=subprocess.PIPE,
        text=True,
    ) as simulator:
        try:
            word, address = simulator.stdout.readline().split()
            assert word == "listening"
            told = site.run("device", "pull", f"demo-clock://{address}").stdout
        finally:
            simulator.terminate()
    assert "3 records, 0 quarantined, 0 repeats, 3 on_device" in told
    unknown = site.run("simulate", "demo-clok")
    assert unknown.returncode == 3
    assert 'did you mean "demo-clock"?' in unknown.stderr


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from protocols.records import Punch", []),
        ("import protocols.records", []),
        ("from protocols import records", []),
        ("from . import drivers", []),
        ("from driverspace import x", []),
        ("from protocols import errors", ["x.py:1 protocols.errors"]),
        ("import drivers", ["x.py:1 drivers"]),
        ("def f():\n    from edge_agent.errors import X", ["x.py:2 edge_agent.errors"]),
        ("import importlib\nimportlib.import_module('sync.x')", ["x.py:2 sync.x"]),
        ("__import__('hr_core')", ["x.py:1 hr_core"]),
    ],
)
def test_imports_of_ours_are_seen(tmp_path, source: str, found: list[str]) -> None:
    file = tmp_path / "x.py"
    file.write_text(source)
    assert forbidden_imports(file) == found
