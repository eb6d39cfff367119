"""`hr-core init --admin`, `account` and `token create|list|revoke` as an operator types them."""

import json

import pytest

from hr_core.cli import main
from hr_core.people.records import Unit, UnitKind
from hr_core.store.accounts import all_accounts
from hr_core.store.database import open_database, writing
from hr_core.store.organisation import Organisation, save_organisation

SECRET = "correct horse battery"


def accounts(path):
    engine = open_database(f"sqlite:///{path}")
    with engine.connect() as conn:
        found = {one.name: one for one in all_accounts(conn)}
    engine.dispose()
    return found


@pytest.fixture
def password_file(tmp_path):
    file = tmp_path / "password"
    file.write_text(f"{SECRET}\nsecond line\n")
    return str(file)


def test_init_in_a_pipe_works_and_says_how_the_first_account_is_made(empty, capsys):
    capsys.readouterr()
    assert main(["init"]) == 0
    told = capsys.readouterr()
    assert "is ready" in told.out
    assert "hr-core account add NAME --role admin" in told.err
    assert accounts(empty) == {}


def test_init_makes_the_first_admin_with_a_password_from_a_file(empty, password_file, capsys):
    assert main(["init", "--admin", "Boss", "--password-file", password_file]) == 0
    told = capsys.readouterr()
    assert SECRET not in told.out + told.err
    admin = accounts(empty)["boss"]
    assert (admin.roles, admin.has_password, admin.must_change) == (("admin",), True, False)
    assert main(["init"]) == 0
    assert main(["init", "--admin", "second"]) == 3
    assert "account add second --role admin" in capsys.readouterr().err


def test_init_without_a_terminal_prints_a_code_once_and_no_default_password(empty, capsys):
    capsys.readouterr()
    assert main(["init", "--admin", "boss"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[-1].startswith("setup_")
    assert not accounts(empty)["boss"].has_password
    main(["account", "list"])
    assert capsys.readouterr().out == "boss  admin  no password yet\n"


def test_init_on_a_terminal_asks(empty, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr("hr_core.cli.accounts.at_terminal", lambda: True)
    monkeypatch.setattr("typer.prompt", lambda text, **_: asked.append(text) or "boss")
    monkeypatch.setattr("getpass.getpass", lambda text: asked.append(text) or SECRET)
    assert main(["init"]) == 0
    assert [text.split()[0] for text in asked] == ["Login", "Password", "Once"]
    assert accounts(empty)["boss"].has_password


def test_two_different_passwords_change_nothing(empty, monkeypatch, capsys):
    typed = iter([SECRET, SECRET + "x"])
    monkeypatch.setattr("hr_core.cli.accounts.at_terminal", lambda: True)
    monkeypatch.setattr("getpass.getpass", lambda _: next(typed))
    assert main(["init", "--admin", "boss"]) == 3
    assert accounts(empty) == {}
    assert SECRET not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["add", "li", "--role", "chief"], "roles are admin, hr, manager, worker, auditor"),
        (["add", "li", "--role", "worker"], "--person NUMBER"),
        (["add", "li", "--role", "hr", "--person", "E999"], "there is no person 'E999'"),
        (["add", "l i", "--role", "hr"], "cannot be a login name"),
        (["disable", "nobody"], "there is no account 'nobody'"),
        (["unlock", "nobody"], "there is no account 'nobody'"),
        (["add", "li", "--role", "hr", "--password-file", "/nowhere"], "cannot be read"),
    ],
)
def test_what_cannot_be_is_refused_with_a_way_on(plant, capsys, words, told):
    assert main(["account", *words]) in {2, 3}
    assert told in capsys.readouterr().err
    assert accounts(plant) == {}


def test_an_account_is_added_listed_disabled_and_given_a_password(plant, password_file, capsys):
    add = ["account", "add", "zhang", "--role", "worker", "--person", "E001"]
    assert main([*add, "--json"]) == 0
    made = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert made["setup_code"].startswith("setup_")
    assert main(add) == 3
    assert main(["account", "password", "zhang", "--password-file", password_file]) == 0
    assert accounts(plant)["zhang"].must_change
    assert main(["account", "password", "zhang", "--code"]) == 0
    assert main(["account", "disable", "zhang", "--reason", "left"]) == 0
    assert main(["account", "disable", "zhang"]) == 0
    capsys.readouterr()
    assert main(["account", "list"]) == 0
    assert capsys.readouterr().out == "zhang  worker  person E001  DISABLED\n"
    assert main(["account", "enable", "zhang"]) == 0
    assert main(["account", "unlock", "zhang"]) == 0
    assert main(["account", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["accounts"][0]["name"] == "zhang"


def test_a_manager_has_a_scope(plant, capsys):
    words = ["--role", "manager", "--department", "D1", "--department", "D2", "--site", "main"]
    assert main(["account", "add", "chen", *words]) == 3
    assert "no unit 'D1'" in capsys.readouterr().err
    engine = open_database(f"sqlite:///{plant}")
    kinds = {"D1": UnitKind.DEPARTMENT, "D2": UnitKind.DEPARTMENT, "main": UnitKind.SITE}
    with writing(engine) as conn:
        found = {code: Unit(code=code, kind=kind, name=code) for code, kind in kinds.items()}
        save_organisation(conn, Organisation(units=found))
    engine.dispose()
    assert main(["account", "add", "chen", *words]) == 0
    assert accounts(plant)["chen"].scope.departments == ("D1", "D2")


def test_a_programs_token_is_shown_once_and_revoked_by_its_id(plant, capsys):
    main(["account", "add", "bi", "--role", "auditor"])
    capsys.readouterr()
    words = ["token", "create", "bi", "--scope", "attendance:read", "--days", "30", "--label", "BI"]
    assert main([*words, "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["token"].startswith("clk_")
    assert main(["token", "list"]) == 0
    listed = capsys.readouterr().out
    assert made["token"] not in listed
    assert listed.startswith(f"{made['id']}  bi  attendance:read  until ")
    assert main(["token", "revoke", made["id"]]) == 0
    capsys.readouterr()
    main(["token", "list", "--account", "bi"])
    assert "REVOKED" in capsys.readouterr().out
    assert main(["token", "revoke", "nothing"]) == 3


@pytest.mark.parametrize("scope", ["everything", "requests:write"])
def test_a_token_gets_no_more_than_its_account(plant, capsys, scope):
    main(["account", "add", "bi", "--role", "auditor"])
    assert main(["token", "create", "bi", "--scope", scope]) == 3
    assert "scopes" in capsys.readouterr().err


def test_a_gateways_token_is_asked_for_as_before_and_by_the_verb(empty, capsys):
    for words in (["gw-01"], ["--minutes", "5", "gw-02"], ["gateway", "list"]):
        capsys.readouterr()
        assert main(["token", *words, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["gateway"] in {"gw-01", "gw-02", "list"}
    assert main(["token", "--help"]) == 0
    assert "revoke" in capsys.readouterr().out


def test_help_needs_neither_fastapi_nor_argon2():
    import subprocess
    import sys

    code = (
        "import sys; from hr_core.cli import main; main(['--help']); "
        "sys.exit(bool({'fastapi', 'argon2', 'starlette', 'sqlalchemy'} & set(sys.modules)))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode
        == 0
    )


def test_an_account_gets_other_roles_and_units(empty, capsys):
    main(["init", "--admin", "boss"])
    main(["account", "add", "li", "--role", "hr"])
    engine = open_database(f"sqlite:///{empty}")
    with writing(engine) as conn:
        unit = Unit(code="D1", kind=UnitKind.DEPARTMENT, name="D1")
        save_organisation(conn, Organisation(units={"D1": unit}))
    engine.dispose()
    capsys.readouterr()
    command = ["account", "change", "li", "--reason", "moved"]
    assert main([*command, "--role", "auditor", "--department", "D1"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "was  li  hr  no password yet",
        "now  li  auditor  department D1  no password yet",
    ]
    assert main([*command, "--no-scope", "--by", "boss"]) == 0
    assert accounts(empty)["li"].scope.departments == ()
    assert main(command) == 3
    assert main([*command, "--no-scope", "--site", "S1"]) == 3
    assert main([*command, "--role", "admin", "--by", "li"]) == 3
    assert "own account" in capsys.readouterr().err


def test_a_screens_token_is_told_with_its_address(empty, capsys):
    main(["init", "--admin", "boss"])
    capsys.readouterr()
    assert main(["token", "create", "boss", "--scope", "board:wall", "--days", "366"]) == 0
    told = capsys.readouterr()
    assert f"/zh/board/wall?token={told.out.strip()}" in told.err
    assert main(["token", "create", "boss", "--scope", "board:wall", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["board"] == f"/zh/board/wall?token={made['token']}"
