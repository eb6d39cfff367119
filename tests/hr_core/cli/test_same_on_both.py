"""One plant in SQLite and in PostgreSQL: every command says the same of it, to the byte."""

import json
import re
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime

import pytest

from hr_core.cli import main
from hr_core.clock import SystemClock
from hr_core.store.database import open_database
from protocols.identity import event_id
from tests.hr_core.cli.conftest import PEOPLE, RECEIVED, punch, records
from tests.hr_core.ingest.batch_samples import batch_of, observe
from tests.hr_core.signed_batches import deliver
from tests.postgres_server import PASSWORD

OCTOBER = ("--month", "2026-10")
DAY = ("--day", "2026-10-12")
ODD = (
    punch("9999", "2026-10-12T08:00:00"),  # nobody's
    punch("1007", "2026-10-13T02:00:00"),  # in no window
)
# In this order: some change what later ones read.
STORY = [
    ("attendance", "show", "E001", *OCTOBER),
    ("attendance", "show", "E002", *OCTOBER),
    ("quality", "rates", *OCTOBER),
    ("quality", "alerts", *DAY),
    ("quality", "chart", "L1", *DAY),
    ("pay", "run", *OCTOBER),
    ("pay", "runs"),
    ("pay", "slips", "1"),
    ("pay", "explain", "1", "E001"),
    ("pay", "explain", "1", "E002"),
    ("trace", event_id(ODD[0]).hex()),
    ("events", "--help"),
    ("devices",),
    ("watermark",),
    ("gateways",),
    ("audit", "verify"),
    ("audit", "chains"),
    ("erase", "--user", "9999", "--reason", "request 7"),
    ("audit", "verify"),
    ("pay", "run", *OCTOBER),
    ("pay", "diff", "1", "2"),
    ("attendance", "show", "E404", *OCTOBER),
    ("trace", "00" * 16),
]
NOW = datetime(2026, 11, 3, 9, 30, 59, 999_000, tzinfo=UTC)
_DATABASE = re.compile(r"(sqlite|postgresql)\S*")


@pytest.fixture
def urls(tmp_path, postgres_core):
    with postgres_core.new_database() as url:
        yield (f"sqlite:///{tmp_path}/core.db", url)


def told(url, folder, capfd, words):
    key = folder / f"{url.partition(':')[0]}.key"
    capfd.readouterr()
    named = ("--core-key", str(key)) if words[0] == "init" else ()
    code = main(["--db", url, *words, *named])
    said = capfd.readouterr()
    assert PASSWORD not in said.out + said.err
    return int(code), *(_DATABASE.sub("…", text) for text in (said.out, said.err))


def fill(url):
    engine = open_database(url)
    try:
        found = [observe(one, received_at=RECEIVED) for one in [*records(), *ODD]]
        deliver(engine, batch_of(*found, gateway="gw-1"), at=RECEIVED)
    finally:
        engine.dispose()


@pytest.mark.slow
def test_every_command_says_the_same(urls, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(SystemClock, "now", lambda _clock: NOW)
    people = tmp_path / "people.toml"
    people.write_text(PEOPLE, encoding="utf-8")
    for url in urls:
        assert told(url, tmp_path, capfd, ("init",))[0] == 0
        assert told(url, tmp_path, capfd, ("import", str(people)))[0] == 0
        fill(url)
    codes = []
    for words in STORY:
        for form in (words, (*words, "--json")):
            here, there = (told(url, tmp_path, capfd, form) for url in urls)
            assert there == here, words
        codes.append(here[0])
    assert 0 in codes
    assert 3 in codes, "control: a refusal is among them"


def test_init_needs_a_key_file_and_leaves_nothing_without(urls, tmp_path, capfd, monkeypatch):
    monkeypatch.delenv("CLOCKLINE_CORE_KEY", raising=False)
    assert main(["--db", urls[1], "init"]) == 2
    assert "--core-key" in capfd.readouterr().err
    assert main(["--db", urls[1], "pay", "runs"]) == 2
    said = capfd.readouterr().err
    assert "there is no core in" in said
    assert PASSWORD not in said


def test_a_wrong_address_shows_no_password(capfd):
    for url in (f"mysql://u:{PASSWORD}@h/core", f"postgresql+no_such://u:{PASSWORD}@h/core"):
        assert main(["--db", url, "pay", "runs"]) == 3
        assert PASSWORD not in capfd.readouterr().err


def test_serve_on_postgresql(urls, tmp_path, capfd):
    assert told(urls[1], tmp_path, capfd, ("init",))[0] == 0
    fill(urls[1])
    words = ["--db", urls[1], "serve", "--port", "0", "--core-key", tmp_path / "postgresql.key"]
    with subprocess.Popen(
        [sys.executable, "-m", "hr_core", *words], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            where = process.stdout.readline().split()[-1]
            with urllib.request.urlopen(f"http://{where}/api/v1/counts") as answer:
                counts = json.load(answer)
            with urllib.request.urlopen(f"http://{where}/en/") as page:
                assert page.status == 200
        finally:
            process.terminate()
    assert counts["events"]["punch"] == len(
        [one for one in [*records(), *ODD] if hasattr(one, "serial")]
    )
