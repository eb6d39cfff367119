"""kill -9 before every step of enrolment and rotation: the same command ends in a good identity."""

import json
import subprocess
import sys

import pytest

from edge_agent.config.loading import load_config
from edge_agent.enrolment.identity import load_identity
from tests.edge_agent.enrolment.served_core import edge, site_file

# Dies before the nth thing that the command does to the world: opening, renaming or removing a file
# of its identity, or connecting to the core.
CHILD = """
import os, signal, sys
step, left = sys.argv.pop(1), [int(sys.argv.pop(1))]
def hook(event, arguments):
    if event in {"open", "os.rename", "os.remove", "os.mkdir"}:
        if "/identity" not in str(arguments[0]): return
    elif event != "socket.connect":
        return
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
from edge_agent.cli.app import run
import edge_agent.enrolment.joining
sys.addaudithook(hook)
sys.exit(run(sys.argv[1:]))
"""
MOST_STEPS = 40


def killed_at(step, site, *words):
    """Whether the command died before its step number `step`."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, "x", str(step), *words, "-c", str(site)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode in {0, -9}, done.stderr
    return done.returncode == -9


def good_key(site, core, gateway):
    identity = load_identity(load_config(site))
    return identity.key.public.hex() in core.keys(gateway)[0]


@pytest.mark.slow
def test_joining(tmp_path, core):
    for step in range(1, MOST_STEPS):
        gateway = f"gw-die-{step}"
        site = site_file(tmp_path / gateway, gateway=gateway, url=core.url)
        token = core.token(gateway)
        if not killed_at(step, site, "enroll", token):
            break
        folder = tmp_path / gateway / "state" / "identity"
        if not (folder / "identity.json").exists():
            edge(site, "enroll", token)  # the same token, though the core may have used it
        assert good_key(site, core, gateway), f"killed before step {step}"
    assert 8 < step < MOST_STEPS - 1, "every step was tried, and there were some"


@pytest.mark.slow
def test_rotating(tmp_path, core):
    site = site_file(tmp_path, gateway="gw-spin", url=core.url)
    edge(site, "enroll", core.token("gw-spin"))
    for step in range(1, MOST_STEPS):
        before = load_identity(load_config(site)).key.public
        finished = not killed_at(step, site, "enroll", "--rotate")
        assert good_key(site, core, "gw-spin"), f"killed before step {step}"
        if finished:
            break
        edge(site, "enroll", "--rotate")
        assert good_key(site, core, "gw-spin"), f"after step {step}"
        assert load_identity(load_config(site)).key.public != before
    assert 8 < step < MOST_STEPS - 1


def test_an_interrupted_enrolment_is_not_rotated_over(tmp_path, core):
    """The core has agreed to a new key that only pending.json holds: it must not be lost."""
    site = site_file(tmp_path, gateway="gw-half", url=core.url)
    edge(site, "enroll", core.token("gw-half"))
    identity = tmp_path / "state" / "identity" / "identity.json"
    before = identity.read_bytes()
    again = core.token("gw-half", "--again")
    edge(site, "enroll", again, "--force")
    new = json.loads(identity.read_text())
    pending = {
        "gateway": "gw-half", "private_key": new["private_key"],
        "for_public": _token_public(again).hex(),
    }  # fmt: skip
    identity.write_bytes(before)
    (identity.parent / "pending.json").write_text(json.dumps(pending))

    _, err = edge(site, "enroll", "--rotate", code=2)
    assert "an enrolment was interrupted here" in err
    edge(site, "enroll", again, "--force")
    assert json.loads(identity.read_text())["public_key"] == new["public_key"]
    assert good_key(site, core, "gw-half")


def _token_public(text):
    from protocols.enrolment_token import decode_token

    return decode_token(text).key().public
