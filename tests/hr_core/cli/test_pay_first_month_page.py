"""docs/pay-first-month.md: every command runs in its order on the files of examples/, to the bank file."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from hr_core.cli import main

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/pay-first-month.md").read_text(encoding="utf-8")
COPY = ["cp -r examples/pay-first-month /tmp/first-month", "cd /tmp/first-month"]
SAID = re.compile(r"exit (\d)")


def lines_of_the_page():
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_every_command_of_the_page_runs_and_ends_as_it_says(tmp_path, monkeypatch, capfd):
    folder = tmp_path / "first-month"
    shutil.copytree(ROOT / "examples/pay-first-month", folder)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("CLOCKLINE_DB", raising=False)
    lines = lines_of_the_page()
    assert lines[:2] == COPY
    for line in lines[2:]:
        program, *arguments = shlex.split(line, comments=True)
        said = SAID.search(line.partition(" #")[2])
        expected = int(said[1]) if said else 0
        if program == "hr-core":
            assert (line, main(arguments)) == (line, expected), capfd.readouterr().err
        else:
            assert program == "python3"
            subprocess.run([sys.executable, *arguments], check=True)  # noqa: S603 - the page's own
    bank = (folder / "bank.csv").read_text(encoding="gb18030").splitlines()
    assert bank[0] == "代发工资,2026-10,笔数,3,金额,19454.12"
    assert len(bank) == 2 + 3
    assert "stands" in capfd.readouterr().out
