"""A good site file: what it means, and where its relative paths point."""

import re
import tomllib

import pytest

from edge_agent.config.loading import load_config
from edge_agent.config.places import find_config, read_places, require_config
from edge_agent.config.schema import json_schema
from edge_agent.config.starter import STARTER
from edge_agent.errors import CommandError

SITE = """\
[site]
name = "华兴-1"
zone = "Asia/Shanghai"

[gateway]
name = "gw-01"
state_dir = "state"

[uplink]
url = "https://core.example.com"
batch_records = 500

[[device]]
name = "gate"
kind = "zk-pull"
host = "10.0.0.7"
comm_key = 80351

[[device]]
name = "绿门"
kind = "zk-pull"
host = "10.0.0.8"
zone = "Asia/Urumqi"
poll_s = 10
"""


@pytest.fixture
def site_file(tmp_path, monkeypatch):
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.delenv("EDGE_AGENT_CONFIG", raising=False)
    (tmp_path / "ca.pem").write_text("")
    path = tmp_path / "site.toml"
    path.write_text(SITE, encoding="utf-8")
    return path


def test_everything_it_says(site_file):
    config = load_config(site_file)

    assert (config.site.name, config.gateway.name) == ("华兴-1", "gw-01")
    assert [device.config.name for device in config.devices] == ["gate", "绿门"]
    assert [device.zone for device in config.devices] == ["Asia/Shanghai", "Asia/Urumqi"]
    assert config.devices[1].config.poll_s == 10
    assert config.device("绿门") is config.devices[1]
    assert config.device("nobody") is None


def test_paths_are_absolute_and_relative_ones_start_at_the_site_file(site_file, monkeypatch):
    monkeypatch.chdir("/")

    config = load_config(site_file)

    state = site_file.parent / "state"
    assert config.spool_path == state / "spool.db"
    assert config.snapshot_path == state / "status.json"


def test_status_looks_where_the_agent_writes(site_file, tmp_path, monkeypatch):
    monkeypatch.setenv("RUNTIME_DIRECTORY", f"{tmp_path}/run:/run/other")

    config, places = load_config(site_file), read_places(site_file)

    assert places.spool == config.spool_path
    assert config.snapshot_path == tmp_path / "run" / "status.json"
    assert places.runtime_dirs == (config.runtime_dir, tmp_path / "state")


def test_a_configured_runtime_dir_is_the_only_one(site_file, tmp_path):
    site_file.write_text(SITE.replace('"state"', '"state"\nruntime_dir = "run"'))

    config, places = load_config(site_file), read_places(site_file)

    assert config.runtime_dir == tmp_path / "run"
    assert places.runtime_dirs == (tmp_path / "run",)


def test_no_secret_in_its_repr(site_file):
    assert "80351" not in repr(load_config(site_file))


def test_a_file_saved_by_a_windows_editor(site_file):
    site_file.write_bytes(b"\xef\xbb\xbf" + SITE.replace("\n", "\r\n").encode())

    assert load_config(site_file).site.zone == "Asia/Shanghai"
    assert read_places(site_file).state_dir.name == "state"


@pytest.mark.parametrize("content", [None, "号".encode("gb18030")], ids=["missing", "gb18030"])
def test_a_file_that_is_no_text_names_what_helps(site_file, content):
    site_file.unlink()
    if content is not None:
        site_file.write_bytes(content)

    for read in (load_config, read_places):
        with pytest.raises(CommandError) as caught:
            read(site_file)
        assert caught.value.where == str(site_file)
        assert caught.value.try_command.startswith("edge-agent ")


def test_the_named_file_wins_over_the_folder(site_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(find_config()) == "site.toml"

    monkeypatch.setenv("EDGE_AGENT_CONFIG", "/nowhere/site.toml")
    assert str(require_config(None)) == "/nowhere/site.toml"
    assert require_config(site_file) == site_file


def test_without_any_file_the_way_to_a_new_one_is_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGE_AGENT_CONFIG", raising=False)
    monkeypatch.setattr("edge_agent.config.places.SYSTEM_CONFIG", tmp_path / "none.toml")

    with pytest.raises(CommandError) as caught:
        require_config(None)

    assert caught.value.try_command == "edge-agent config init"


def test_the_starter_file_is_valid_also_with_its_examples_switched_on(site_file):
    site_file.write_text(STARTER, encoding="utf-8")
    assert load_config(site_file).devices == ()

    switched_on = re.sub(r"^#(?! )", "", STARTER, flags=re.MULTILINE)
    site_file.write_text(switched_on.replace("/etc/edge-agent/ca.pem", "ca.pem"), encoding="utf-8")

    config = load_config(site_file)

    assert [device.config.kind for device in config.devices] == [
        "zk-pull",
        "modbus-counter",
        "rdm6300",
    ]
    assert config.uplink is not None


def test_the_schema_names_every_key_of_a_real_file(site_file):
    schema = json_schema()
    document = tomllib.loads(SITE)

    for table in ("site", "gateway", "uplink"):
        form = schema["$defs"][schema["properties"][table]["$ref"].rpartition("/")[2]]
        assert document[table].keys() <= form["properties"].keys()
        assert form["additionalProperties"] is False
    forms = [
        schema["$defs"][choice["$ref"].rpartition("/")[2]]
        for choice in schema["properties"]["device"]["items"]["oneOf"]
    ]
    zk = next(form for form in forms if form["properties"]["kind"] == {"const": "zk-pull"})
    assert all(device.keys() <= zk["properties"].keys() for device in document["device"])
    assert len(forms) >= 3
