"""`hr-core token`, `gateways`, `gateway revoke`, `init`: what the operator sees."""

import json
import stat

import pytest

from hr_core.cli import main
from hr_core.clock import SystemClock
from hr_core.store.database import open_database, writing
from hr_core.store.gateway_keys import register_key
from hr_core.store.gateways import set_site
from hr_core.store.refusals import add_refusals
from protocols.enrolment_token import decode_token
from protocols.key_text import fingerprint

PUBLIC = bytes(range(32))


@pytest.fixture
def joined(empty):
    """A core at which gw-1 has joined."""
    engine = open_database(f"sqlite:///{empty}")
    with writing(engine) as conn:
        register_key(conn, "gw-1", PUBLIC, SystemClock().now())
        set_site(conn, "gw-1", "plant", SystemClock().now())
    engine.dispose()
    return empty


def test_init_makes_key_and_database_for_this_account_alone(empty, capfd):
    capfd.readouterr()
    assert main(["init"]) == 0
    assert "core key " in capfd.readouterr().out
    for name in ("core.db", "core.db.key"):
        assert stat.S_IMODE((empty.parent / name).stat().st_mode) == 0o600


def test_a_token_is_one_line_that_carries_the_core_s_key(empty, capfd):
    capfd.readouterr()
    assert main(["token", "gw-1", "--site", "plant", "--url", "https://core.example.com"]) == 0
    out, err = capfd.readouterr()
    token = decode_token(out)
    assert out.count("\n") == 1
    assert (token.gateway, token.url) == ("gw-1", "https://core.example.com")
    assert "within 15 minutes" in err
    main(["init"])
    assert fingerprint(token.core_public) in capfd.readouterr().out


def test_a_token_as_json(empty, capfd):
    capfd.readouterr()
    assert main(["token", "gw-1", "--minutes", "60", "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert decode_token(told["token"]).gateway == told["gateway"] == "gw-1"


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (["token", "gw-1"], 2, "is enrolled already"),
        (["token", "gw-2", "--again"], 3, "has ever enrolled here"),
        (["token", "a/b"], 3, "cannot be a gateway's name"),
        (["token", "gw-2", "--minutes", "0"], 3, "--minutes"),
        (["token", "gw-2", "--url", "https://" + "x" * 500], 3, "--url is too long"),
        (["gateway", "revoke", "gw-2", "--reason", "x"], 3, "has ever enrolled here"),
        (["gateway", "revoke", "gw-1"], 3, "--reason"),
        (["gateway", "revoke", "gw-1", "--reason", "x", "--from", "soon"], 3, "2026-11-30"),
    ],
)
def test_what_an_operator_gets_wrong(joined, capfd, words, code, what):
    assert main(words) == code
    assert what in capfd.readouterr().err


def test_the_list_and_the_log(joined, capfd):
    capfd.readouterr()
    assert main(["gateways"]) == 0
    assert "gw-1  site plant  no batch yet" in capfd.readouterr().out
    assert main(["gateway", "revoke", "gw-1", "--reason", "sold", "--from", "2999-01-01"]) == 0
    assert main(["gateways"]) == 0, "still good"
    assert "good until 2999-01-01 00:00 (sold)" in capfd.readouterr().out
    assert main(["gateway", "revoke", "gw-1", "--reason", "stolen"]) == 0
    engine = open_database(f"sqlite:///{joined}")
    with writing(engine) as conn:
        now = SystemClock().now()
        add_refusals(conn, "gw-1", "key_revoked", times=3, what="w", at=now)
    engine.dispose()
    capfd.readouterr()
    assert main(["gateways"]) == 1
    assert "refused 3 times" in capfd.readouterr().out
    assert main(["gateways", "--json"]) == 1, "a gateway without a key needs an eye"
    out = capfd.readouterr().out
    (gateway,) = json.loads(out[out.index("{") :])["gateways"]
    assert gateway["refused"] == {"key_revoked": 3}
    (key,) = gateway["keys"]
    assert (key["public_key"], key["in_force"], key["reason"]) == (PUBLIC.hex(), False, "stolen")
    assert main(["gateways", "--log", "--json"]) == 0
    log = json.loads(capfd.readouterr().out)["log"]
    assert [act["act"] for act in log] == ["revoked", "revoked"]
    assert log[1]["detail"].endswith(": stolen")


def test_a_lost_core_key(empty, capfd):
    key = empty.parent / "core.db.key"
    key.unlink()
    assert main(["init"]) == 2
    assert "gateways pin its public key" in capfd.readouterr().err
    assert main(["init", "--new-core-key"]) == 0
    assert main(["init"]) == 0
    assert key.exists()


def test_the_core_key_somewhere_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLOCKLINE_DB", raising=False)
    (tmp_path / "keys").mkdir()
    assert main(["init", "--core-key", "keys/core"]) == 0
    assert (tmp_path / "keys" / "core").exists()
    assert not list(tmp_path.glob("*.key"))
