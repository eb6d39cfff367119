"""What we ship: our names are ours alone, and the wheel built from the sdist holds everything."""

import importlib.metadata
import subprocess
import sys
import tarfile
import zipfile

import pytest

PACKAGES = (
    "protocols", "firmware_profiles", "drivers", "sync", "edge_agent", "hr_core", "simulators",
)  # fmt: skip


def test_no_other_distribution_claims_our_top_level_names():
    owners = importlib.metadata.packages_distributions()
    clashes = {name: owners[name] for name in PACKAGES if set(owners.get(name, [])) - {"clockline"}}
    assert clashes == {}


@pytest.fixture(scope="module")
def built(repository, tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, repository],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_our_packages(built, repository):
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        path.relative_to(repository).as_posix()
        for package in PACKAGES
        for path in (repository / package).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert expected - names == set()
    assert not any(name.startswith(("tests/", "benchmarks/", "tools/")) for name in names)


@pytest.mark.slow
def test_the_sdist_holds_no_leftovers(built):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = archive.getnames()
    assert not [name for name in names if "__pycache__" in name or "/.venv" in name]


def test_the_versions_of_ruff_mypy_and_the_build_backend_are_exact(repository):
    text = (repository / "pyproject.toml").read_text()
    for tool in ("ruff==", "mypy==", "hatchling=="):
        assert tool in text


@pytest.mark.parametrize("form", ["gateway", "core", "dev", "build"])
def test_lock_files_hash_every_package_and_name_no_registry(repository, form):
    text = (repository / "requirements" / f"{form}.txt").read_text()
    pinned = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert pinned
    assert all("==" in line for line in pinned)
    assert text.count("--hash=sha256:") >= len(pinned)
    assert "http://" not in text
    assert "https://" not in text


def test_the_gateway_form_stays_light(repository):
    text = (repository / "requirements" / "gateway.txt").read_text()
    names = {line.split("==")[0] for line in text.splitlines() if "==" in line}
    assert names.isdisjoint({"numpy", "polars", "sqlalchemy", "starlette", "uvicorn", "pyzk"})
