"""The example package as its user gets it: built, installed, found by its entry point, conforming.

Nothing is fetched: the build backend and everything that the package stands on are here.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SITE = """\
[site]
name = "plant"
zone = "Asia/Shanghai"

[gateway]
name = "gw-01"

[[device]]
name = "gate"
kind = "demo-clock"
host = "10.0.0.9"
"""


@pytest.fixture(scope="module")
def example(repository) -> Path:
    return repository / "examples" / "third-party-driver"


@pytest.fixture(scope="module")
def installed(example, tmp_path_factory) -> Path:
    """The folder that holds the installed package, and nothing else."""
    wheels, target = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("installed")
    build = ["-m", "build", "--no-isolation", "--wheel", "--outdir", str(wheels), str(example)]
    subprocess.run([sys.executable, *build], check=True, capture_output=True, timeout=50)
    (wheel,) = wheels.glob("*.whl")
    install = ["-m", "pip", "install", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run(
        [sys.executable, *install, str(wheel)], check=True, capture_output=True, timeout=50
    )
    return target


@pytest.fixture
def python(installed, repository):
    """Runs Python with the installed package and us on the path; returns what it printed."""

    def run(*arguments: str, cwd: Path = repository, code: int = 0, **more: str) -> str:
        path = os.pathsep.join([str(installed), str(repository)])
        done = subprocess.run(
            [sys.executable, *arguments],
            env=os.environ | {"PYTHONPATH": path} | more,
            check=False,
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=50,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


@pytest.mark.slow
def test_it_is_found_by_its_entry_point(python, installed) -> None:
    told = python(
        "-c",
        "from drivers.catalog import known_kinds, load_driver; import demo_clock;"
        "print(known_kinds()[-1], load_driver('demo-clock').manifest.title, demo_clock.__file__)",
    )
    assert told.startswith("demo-clock Demo clock, asked over TCP ")
    assert str(installed) in told


@pytest.mark.slow
def test_it_conforms_against_its_simulator(python, tmp_path) -> None:
    told = python("-m", "edge_agent", "driver", "check", "clockline-demo-clock", cwd=tmp_path)
    assert told.splitlines()[-1] == "It conforms."


@pytest.mark.slow
def test_its_own_tests_pass(python, example) -> None:
    assert " passed" in python("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=example)


@pytest.mark.slow
def test_config_check_accepts_its_kind_and_judges_its_keys(python, tmp_path) -> None:
    site = tmp_path / "site.toml"
    check = ("-m", "edge_agent", "config", "check", "-c", str(site))
    site.write_text(SITE)
    python(*check)
    site.write_text(f'{SITE}hots = "10.0.0.9"\n')
    told = python(*check, code=2)
    assert 'did you mean "host"' in told
    assert "device[0].hots" in told
    assert '"const": "demo-clock"' in python("-m", "edge_agent", "config", "schema")


@pytest.mark.slow
def test_the_commands_of_the_readme_work(python, installed, repository) -> None:
    """A pull from the simulator as it is started in the README."""
    command = [sys.executable, "-m", "edge_agent", "simulate", "demo-clock", "--records", "3"]
    path = os.pathsep.join([str(installed), str(repository)])
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": path}
    ) as simulator:
        try:
            address = simulator.stdout.readline().split()[1]
            told = python("-m", "edge_agent", "device", "pull", f"demo-clock://{address}")
        finally:
            simulator.terminate()
    assert "3 records, 0 quarantined, 0 repeats, 3 on_device" in told
