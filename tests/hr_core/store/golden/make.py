"""Writes what a release leaves in its database, as SQL that sqlite3 reads: run once, by the release.

    cd CHECKOUT_OF_THE_RELEASE
    PYTHONPATH=$PWD python …/tests/hr_core/store/golden/make.py > release-0.1.0.sql

Two people, punches of October, a paid month.
"""

import contextlib
import sqlite3
import sys
import tempfile
from pathlib import Path

from hr_core.cli import main
from tests.hr_core.cli.conftest import PEOPLE, records, store

with tempfile.TemporaryDirectory() as name, contextlib.redirect_stdout(sys.stderr):
    database = Path(name) / "core.db"
    people = Path(name) / "people.toml"
    people.write_text(PEOPLE, encoding="utf-8")
    for words in (["init"], ["import", str(people)]):
        assert main(["--db", str(database), *words]) == 0
    store(database, records()[:16])
    main(["--db", str(database), "pay", "run", "--month", "2026-10"])
    with contextlib.closing(sqlite3.connect(database)) as connection:
        dump = "\n".join(connection.iterdump())
sys.stdout.write(f"{dump}\n")
