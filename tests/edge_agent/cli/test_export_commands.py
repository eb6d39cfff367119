"""`edge-agent export list|test|forget`, and what status and doctor say of exports."""

import asyncio
import json

import pytest

from edge_agent.cli.app import run
from edge_agent.config.loading import load_config
from edge_agent.config.problems import ConfigError
from edge_agent.config.schema import json_schema
from edge_agent.spool.store import Spool
from edge_agent.system_clock import SystemClock
from tests.edge_agent.spool.deliveries import answer
from tests.edge_agent.status.gateway_on_disk import make_gateway, write_snapshot

CSV = """
[[export]]
kind = "csv"
name = "files"
start = "all"
folder = "drop"
"""


@pytest.fixture
def site(tmp_path):
    (tmp_path / "drop").mkdir()
    return make_gateway(tmp_path, more=CSV, punches=7)


def sink(site, name, *, limit=2):
    """`name` has taken `limit` records, and is known to the spool."""

    async def take():
        path = site.parent / "state" / "spool.db"
        spool = Spool.open(path, clock=SystemClock(), boot_id="boot-2")
        try:
            await spool.start_sink(name, "all")
            await spool.settle(name, answer(await spool.next_batch(name, limit=limit)))
        finally:
            spool.close()

    asyncio.run(take())


def told(capsys):
    return json.loads(capsys.readouterr().out)


def test_list(site, capsys):
    sink(site, "files")
    assert run(["export", "list", "-c", str(site), "--json"]) == 0
    assert told(capsys) == {
        "exports": [
            {
                "name": "files",
                "kind": "csv",
                "orphaned": False,
                "backlog": 5,
                "position": 2,
                "dead_letters": 0,
                "given_up": 0,
                "last_success_at": None,
                "last_error": None,
            }
        ]
    }
    assert run(["export", "list", "-c", str(site)]) == 0
    assert "files" in capsys.readouterr().out


def test_list_shows_the_last_error_of_the_running_agent(site, capsys):
    error = {"what": "HTTP 500", "remedy": "read the log over there"}
    write_snapshot(site, exports=[{"name": "files", "kind": "csv", "last_error": error}])
    assert run(["export", "list", "-c", str(site)]) == 1
    assert "export files: HTTP 500" in capsys.readouterr().out


def test_test_checks_and_shows_what_comes_next(site, capsys):
    assert run(["export", "test", "files", "-c", str(site)]) == 0
    said = capsys.readouterr().out
    assert "can be written" in said
    assert said.count("1007") == 5
    assert list((site.parent / "drop").iterdir()) == []


def test_dry_run_asks_nobody(site, capsys):
    (site.parent / "drop").rmdir()
    assert run(["export", "test", "files", "-c", str(site), "--dry-run", "--json"]) == 0
    assert told(capsys)["check"] is None
    assert run(["export", "test", "files", "-c", str(site)]) == 2
    assert "Create the folder" in capsys.readouterr().err


def test_a_new_export_that_starts_now_has_nothing_to_show(site, capsys):
    site.write_text(site.read_text().replace('start = "all"', 'start = "now"'))
    assert run(["export", "test", "files", "-c", str(site)]) == 0
    assert "Nothing waits." in capsys.readouterr().out


def test_an_unknown_export(site, capsys):
    assert run(["export", "test", "fles", "-c", str(site)]) == 3
    assert 'did you mean "files"' in capsys.readouterr().err


def test_forget_ends_what_was_taken_out_of_the_file(site, capsys):
    sink(site, "old")
    assert run(["status", "-c", str(site), "--json"]) != 0
    problems = [one["what"] for one in told(capsys)["problems"]]
    assert "is not in the site file any more, and holds 5 records back" in problems
    assert run(["export", "forget", "old", "-c", str(site), "--json"]) == 0
    assert told(capsys) == {"export": "old", "waiting": 5, "dead_letters": 0}
    assert run(["export", "forget", "old", "-c", str(site)]) == 3
    capsys.readouterr()
    run(["status", "-c", str(site), "--json"])
    assert [one["name"] for one in told(capsys)["exports"]] == ["files"]


@pytest.mark.parametrize(
    ("name", "why"),
    [("files", "still in the site file"), ("core", "no export"), ("live", "still feeds live")],
)
def test_forget_refuses_what_is_in_use(site, name, why, capsys):
    write_snapshot(site, exports=[{"name": "live"}])
    sink(site, name)
    assert run(["export", "forget", name, "-c", str(site)]) == 3
    assert why in capsys.readouterr().err


def test_status_shows_exports_and_counts_the_cores_backlog_alone(site, capsys):
    sink(site, "files", limit=1)
    sink(site, "core", limit=7)
    write_snapshot(site)
    assert run(["status", "-c", str(site)]) == 0
    said = capsys.readouterr().out
    assert "no record waits for the core" in said
    assert "EXPORT" in said


def test_doctor_tries_each_export_and_names_orphans(site, capsys):
    sink(site, "old")
    (site.parent / "drop").rmdir()
    run(["doctor", "-c", str(site), "--json"])
    findings = {one["code"]: one for one in told(capsys)["findings"] if one["code"] >= "E1100"}
    assert findings["E1100"]["severity"] == "warn"
    assert findings["E1100"]["where"] == "export files"
    assert "export forget old" in findings["E1101"]["remedy"]


def problems_of(folder, more):
    site = folder / "site.toml"
    site.write_text(
        '[site]\nname = "plant"\nzone = "UTC"\n[gateway]\nname = "gw"\nstate_dir = "s"\n' + more
    )
    with pytest.raises(ConfigError) as caught:
        load_config(site)
    return [(one.line, one.key, one.what) for one in caught.value.problems]


def secret(folder, name, mode=0o600, text="s\n"):
    (folder / name).write_text(text)
    (folder / name).chmod(mode)


def test_what_is_wrong_is_told_with_its_line(tmp_path):
    secret(tmp_path, "open", 0o644)
    secret(tmp_path, "ok")
    secret(tmp_path, "empty", text="\n")
    found = problems_of(
        tmp_path,
        """[[export]]
kind = "webhok"
[[export]]
kind = "csv"
name = "core"
folder = "x"
[[export]]
kind = "frappe"
name = "hr"
start = "now"
url = "http://hr.example.com"
key_file = "open"
[[export]]
kind = "webhook"
name = "hook"
start = "now"
url = "https://a.example.com"
secret_file = "empty"
devices = ["gate"]
[export.direction]
unknwn = "in"
[[export]]
kind = "sftp"
name = "hook"
start = "now"
host = "h"
user = "u"
folder = "f"
key_file = "ok"
""",
    )
    assert [(line, key) for line, key, _ in found] == [
        (8, "export[0].kind"),
        (9, "export[1].start"),
        (11, "export[1].name"),
        (17, "export[2].url"),
        (27, "export[3].direction.unknwn"),
        (28, "export[4]"),
        (30, "export[4].name"),
    ]


@pytest.mark.parametrize(
    ("mode", "text", "what"),
    [
        (0o644, "s\n", "is open to other users of this machine"),
        (0o640, "s\n", "is open to other users of this machine"),
        (0o600, "\n", "is empty"),
        (None, "", "cannot be read (No such file or directory)"),
    ],
)
def test_secret_files(tmp_path, mode, text, what):
    if mode is not None:
        secret(tmp_path, "key", mode, text)
    found = problems_of(
        tmp_path,
        '[[export]]\nkind = "webhook"\nname = "hook"\nstart = "now"\n'
        'url = "https://a.example.com"\nsecret_file = "key"\ndevices = ["gate"]\n',
    )
    assert found[0][:2] == (12, "export[0].secret_file")
    assert found[0][2].endswith(what)
    assert found[1] == (13, "export[0].devices[0]", 'there is no device "gate"')


def test_every_kind_is_in_the_schema():
    forms = json_schema()["properties"]["export"]["items"]["oneOf"]
    names = {form["$ref"].rpartition("/")[2] for form in forms}
    assert names == {"WebhookExport", "FrappeExport", "OdooExport", "CsvExport", "SftpExport"}
