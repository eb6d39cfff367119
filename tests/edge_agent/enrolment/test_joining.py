"""`edge-agent enroll` against a served core: every way in, and every refusal by its own code."""

import json
import os
import stat

import pytest

from edge_agent.config.loading import load_config
from edge_agent.enrolment.identity import IdentityError, load_identity
from tests.edge_agent.enrolment.served_core import ServedCore, edge, edge_process, site_file

ROOT = os.geteuid() == 0


def public(site):
    return load_identity(load_config(site)).key.public.hex()


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_from_token_to_identity(tmp_path, core):
    site = site_file(tmp_path, gateway="gw-join", url=core.url)
    out, _ = edge(site, "enroll", core.token("gw-join", "--site", "plant"), "--json")
    told = json.loads(out)
    assert (told["gateway"], told["site"]) == ("gw-join", "plant")
    assert core.keys("gw-join") == ([told["public_key"]], [])
    assert public(site) == told["public_key"]
    identity = load_identity(load_config(site))
    assert identity.gateway == "gw-join"
    assert identity.core_public.hex() == told["core_public"]
    folder = tmp_path / "state" / "identity"
    assert [path.name for path in folder.iterdir()] == ["identity.json"]
    assert (mode(folder), mode(folder / "identity.json")) == (0o700, 0o600)
    assert identity.key.seed.hex() not in out
    assert identity.key.seed not in b"".join(
        path.read_bytes() for path in core.database.parent.iterdir()
    )


def test_the_token_from_standard_input_and_from_a_file(tmp_path, core):
    first = site_file(tmp_path / "a", gateway="gw-stdin", url=core.url)
    done = edge_process(first, "enroll", "-", stdin=f"  {core.token('gw-stdin')}\r\n")
    assert done[0] == 0, done
    second = site_file(tmp_path / "b", gateway="gw-file", url=core.url)
    (tmp_path / "token").write_text(core.token("gw-file") + "\n")
    edge(second, "enroll", "--token-file", str(tmp_path / "token"))
    assert public(first) != public(second)


def test_the_address_comes_with_the_token(tmp_path, core):
    site = site_file(tmp_path, gateway="gw-url")
    out, _ = edge(site, "enroll", core.token("gw-url", "--url", core.url))
    assert f'[uplink]\nurl = "{core.url}"' in out
    other = site_file(tmp_path / "none", gateway="gw-nourl")
    _, err = edge(other, "enroll", core.token("gw-nourl"), code=2)
    assert "neither the site file nor the token names the core's address" in err


def test_behind_a_broker_the_address_comes_with_the_token(tmp_path, core):
    site = site_file(tmp_path, gateway="gw-mqtt", url="mqtts://broker.example.com")
    edge(site, "enroll", core.token("gw-mqtt", "--url", core.url))
    first = public(site)
    edge(site, "enroll", "--rotate")
    assert core.keys("gw-mqtt") == ([first, public(site)], [])


@pytest.mark.parametrize(
    ("words", "what", "code"),
    [
        (["enroll"], "there is no token", 3),
        (["enroll", "x", "--token-file", "y"], "there are two tokens", 3),
        (["enroll", "x", "--rotate"], "--rotate stands alone", 3),
        (["enroll", "rubbish"], "(not_a_token)", 2),
        (["enroll", "cle_abc"], "(token_mistyped)", 2),
        (["enroll", "--token-file", "/no/such/file"], "cannot be read", 2),
        (["enroll", "--rotate"], "has not enrolled with a core", 2),
    ],
)
def test_what_a_typist_gets_wrong(tmp_path, core, words, what, code):
    site = site_file(tmp_path, url=core.url)
    _, err = edge(site, *words, code=code)
    assert what in err
    assert " — try: " in err


def test_a_token_of_another_gateway(tmp_path, core):
    site = site_file(tmp_path, gateway="gw-here", url=core.url)
    _, err = edge(site, "enroll", core.token("gw-there"), code=2)
    assert "issued to gateway gw-there, the site file says gw-here" in err


def test_a_used_token(tmp_path, core):
    token = core.token("gw-used")
    edge(site_file(tmp_path / "a", gateway="gw-used", url=core.url), "enroll", token)
    second = site_file(tmp_path / "b", gateway="gw-used", url=core.url)
    _, err = edge(second, "enroll", token, code=2)
    assert "the token was used already" in err
    assert "--again" in err
    assert not list((tmp_path / "b" / "state" / "identity").iterdir()), "no key is left behind"


def test_an_expired_token(tmp_path, core):
    """Aged in the core's database: only the core's clock counts."""
    import contextlib
    import sqlite3

    site = site_file(tmp_path, gateway="gw-late", url=core.url)
    token = core.token("gw-late")
    with contextlib.closing(sqlite3.connect(core.database)) as connection, connection:
        connection.execute(
            "UPDATE enrolment_tokens SET expires_at = expires_at - 15 * 60 * 1000000 "
            "WHERE gateway = 'gw-late'"
        )
    _, err = edge(site, "enroll", token, code=2)
    assert "the token ended at" in err


def test_a_gateway_whose_clock_is_in_1970(tmp_path, core, monkeypatch):
    import time

    from edge_agent.cli.app import run

    site = site_file(tmp_path, gateway="gw-1970", url=core.url)
    token = core.token("gw-1970")
    monkeypatch.setattr(time, "time", lambda: 300.0)
    assert run(["enroll", token, "-c", str(site)]) == 0


def test_enrolled_already_and_force(tmp_path, core):
    site = site_file(tmp_path, gateway="gw-twice", url=core.url)
    edge(site, "enroll", core.token("gw-twice"))
    before = public(site)
    done = core.run("token", "gw-twice", code=2)
    assert done == ""
    again = core.token("gw-twice", "--again")
    _, err = edge(site, "enroll", again, code=2)
    assert "enrolled already" in err
    assert "--force" in err
    assert core.keys("gw-twice") == ([before], [])
    edge(site, "enroll", again, "--force")
    assert core.keys("gw-twice") == ([public(site)], [before])


def test_another_core_than_the_token_s(tmp_path, core, tmp_path_factory):
    with ServedCore(tmp_path_factory.mktemp("other")).served() as other:
        site = site_file(tmp_path, gateway="gw-x", url=other.url)
        _, err = edge(site, "enroll", core.token("gw-x"), code=2)
        assert "the signature does not belong to this key" in err
        assert "Was the core set up anew?" in err
        with pytest.raises(IdentityError):
            load_identity(load_config(site))


def test_nobody_there_and_then_somebody(tmp_path, core, unused_tcp_port):
    """The token stays good, and the key that was made stays the same."""
    site = site_file(tmp_path, gateway="gw-retry", url=f"http://127.0.0.1:{unused_tcp_port}")
    token = core.token("gw-retry")
    _, err = edge(site, "enroll", token, code=2)
    assert "cannot be reached" in err
    pending = json.loads((tmp_path / "state" / "identity" / "pending.json").read_text())
    site_file(tmp_path, gateway="gw-retry", url=core.url)
    edge(site, "enroll", token)
    assert load_identity(load_config(site)).key.seed.hex() == pending["private_key"]


def test_the_identity_of_another_gateway(tmp_path, core):
    site = site_file(tmp_path, gateway="gw-a", url=core.url)
    edge(site, "enroll", core.token("gw-a"))
    site_file(tmp_path, gateway="gw-b", url=core.url)
    with pytest.raises(IdentityError, match="identity of gateway gw-a, the site file says gw-b"):
        load_identity(load_config(site))


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b"[" * 9_000])
def test_a_damaged_identity(tmp_path, core, content):
    site = site_file(tmp_path, gateway="gw-dam", url=core.url)
    folder = tmp_path / "state" / "identity"
    folder.mkdir()
    (folder / "identity.json").write_bytes(content)
    with pytest.raises(IdentityError) as caught:
        load_identity(load_config(site))
    assert caught.value.code == "identity_damaged"
    assert "--force" in caught.value.remedy


def test_keys_that_do_not_belong_together(tmp_path, core):
    site = site_file(tmp_path, gateway="gw-mix", url=core.url)
    edge(site, "enroll", core.token("gw-mix"))
    path = tmp_path / "state" / "identity" / "identity.json"
    stored = json.loads(path.read_text())
    path.write_text(json.dumps(stored | {"private_key": "07" * 32}))
    with pytest.raises(IdentityError, match="damaged"):
        load_identity(load_config(site))


def test_rotation(tmp_path, core):
    site = site_file(tmp_path, gateway="gw-rot", url=core.url)
    edge(site, "enroll", core.token("gw-rot"))
    before = public(site)
    told = json.loads(edge(site, "enroll", "--rotate", "--json")[0])
    assert told["public_key"] == public(site) != before
    assert told["old_key_refused_from"] > told["valid_from"]
    assert core.keys("gw-rot") == ([before, public(site)], [])


def test_revoked(tmp_path, core):
    site = site_file(tmp_path, gateway="gw-rev", url=core.url)
    edge(site, "enroll", core.token("gw-rev"))
    core.run("gateway", "revoke", "gw-rev", "--reason", "stolen")
    assert core.keys("gw-rev") == ([], [public(site)])
    _, err = edge(site, "enroll", "--rotate", code=2)
    assert "this key is no longer accepted" in err
    assert "hr-core token gw-rev --again" in err
    assert public(site), "the identity stays: the spool keeps everything"


def test_two_at_once(tmp_path, core):
    from edge_agent.enrolment.private_files import locked_folder

    site = site_file(tmp_path, gateway="gw-lock", url=core.url)
    with locked_folder(tmp_path / "state" / "identity"):
        _, err = edge(site, "enroll", core.token("gw-lock"), code=2)
    assert "another edge-agent enroll is running" in err


def test_a_state_folder_that_is_not_there(tmp_path, core):
    site = site_file(tmp_path, gateway="gw-nodir", url=core.url)
    (tmp_path / "state").rmdir()
    _, err = edge(site, "enroll", core.token("gw-nodir"), code=2)
    assert "The state folder must exist" in err


@pytest.mark.skipif(not ROOT, reason="only root can give files away")
def test_what_root_makes_belongs_to_the_service_user(tmp_path, core):
    site = site_file(tmp_path, gateway="gw-root", url=core.url)
    os.chown(tmp_path / "state", 65534, 65534)
    edge(site, "enroll", core.token("gw-root"))
    folder = tmp_path / "state" / "identity"
    assert {path.stat().st_uid for path in (folder, *folder.iterdir())} == {65534}


def test_the_key_as_a_systemd_credential(tmp_path, core):
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "gateway-key").write_text("0a" * 32 + "\n")
    env = {"CREDENTIALS_DIRECTORY": str(credentials)}
    site = site_file(tmp_path, gateway="gw-cred", url=core.url)
    told = json.loads(edge(site, "enroll", core.token("gw-cred"), "--json", env=env)[0])
    stored = (tmp_path / "state" / "identity" / "identity.json").read_text()
    assert "0a" * 32 not in stored
    with pytest.raises(IdentityError, match="no systemd credential holds the key"):
        load_identity(load_config(site))

    _, err = edge(site, "enroll", "--rotate", code=2, env=env)
    assert "gateway-key-next" in err
    (credentials / "gateway-key-next").write_text("0b" * 32 + "\n")
    rotated = json.loads(edge(site, "enroll", "--rotate", "--json", env=env)[0])
    assert rotated["public_key"] != told["public_key"]

    (credentials / "gateway-key").write_text("0b" * 32)  # the operator has moved it up
    (credentials / "gateway-key-next").unlink()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
        assert public(site) == rotated["public_key"]
        (credentials / "gateway-key").write_text("not hex")
        with pytest.raises(IdentityError, match="cannot be used"):
            public(site)


def test_the_folder_of_the_identity_survives_a_strange_umask(tmp_path, core):
    site = site_file(tmp_path, gateway="gw-umask", url=core.url)
    previous = os.umask(0)
    try:
        edge(site, "enroll", core.token("gw-umask"))
    finally:
        os.umask(previous)
    folder = tmp_path / "state" / "identity"
    assert (mode(folder), mode(folder / "identity.json")) == (0o700, 0o600)
