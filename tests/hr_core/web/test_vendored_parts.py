"""What other people wrote and we serve: exactly the files that VENDOR.toml names, unchanged."""

import hashlib
import tomllib

import pytest


@pytest.fixture
def vendor(repository):
    return repository / "hr_core/web/static/vendor"


def parts(vendor):
    return tomllib.loads((vendor / "VENDOR.toml").read_text())["part"]


def test_every_file_has_the_hash_of_the_list_and_none_is_beside_it(vendor):
    listed = {file["name"]: file["sha256"] for part in parts(vendor) for file in part["file"]}
    there = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in vendor.iterdir()
        if file.name != "VENDOR.toml"
    }
    assert there == listed
    assert len(listed) >= 3


def test_every_part_names_its_version_and_brings_its_licence(vendor):
    for part in parts(vendor):
        assert part["licence"] == "MIT"
        assert part["version"].count(".") == 2
        licences = [file for file in part["file"] if file["name"].endswith(".LICENSE")]
        assert "Permission is hereby granted" in (vendor / licences[0]["name"]).read_text()
