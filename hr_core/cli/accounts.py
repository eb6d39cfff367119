"""`hr-core account`: who may use pages and API; and the first administrator of `hr-core init`."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.gateways import operator
from hr_core.cli.options import DbOption, JsonOption, core, print_json, reading, writing

if TYPE_CHECKING:
    import sqlalchemy as sa

    from hr_core.accounts.management import Act, NewAccount
    from hr_core.accounts.model import Account

app = typer.Typer(help="Accounts of people and programs: pages and API ask for them.")

PasswordFileOption = Annotated[
    Path | None,
    typer.Option(
        "--password-file",
        help="Read the password from its first line, instead of asking or making a set-up code.",
        show_default=False,
    ),
]
ByOption = Annotated[
    str | None, typer.Option("--by", help="Who orders it, for the audit log [default: you].")
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; kept in the audit log.")]
NameArgument = Annotated[str, typer.Argument(help="The login name.", show_default=False)]

_LONGEST_FILE = 4096  # of a file that holds one line


@app.callback()
def _account() -> None:
    """Accounts of people and programs: pages and API ask for them."""


@app.command("add")
def add(  # noqa: PLR0913 - one option each
    context: typer.Context,
    name: NameArgument,
    *,
    role: Annotated[
        list[str], typer.Option("--role", help="admin, hr, manager, worker or auditor; may repeat.")
    ],
    person: Annotated[
        str | None, typer.Option("--person", help="Whose account it is: number of the people file.")
    ] = None,
    department: Annotated[
        list[str] | None, typer.Option("--department", help="Sees only these; may repeat.")
    ] = None,
    site: Annotated[
        list[str] | None, typer.Option("--site", help="Sees only these; may repeat.")
    ] = None,
    password_file: PasswordFileOption = None,
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add an account and print a one-time code with which its owner chooses a password."""
    from hr_core.accounts.management import NewAccount, roles_of
    from hr_core.accounts.model import AccountScope

    new = NewAccount(
        name=name,
        roles=roles_of(role),
        person=person,
        scope=AccountScope(departments=tuple(department or ()), sites=tuple(site or ())),
    )
    password = None if password_file is None else first_line(password_file)
    with core(context, db) as engine:
        code = add_with_password(engine, new, password, by=by)
    _tell(new.name, code, as_json=as_json)


@app.command("change")
def change(  # noqa: PLR0913 - one option each
    context: typer.Context,
    name: NameArgument,
    *,
    role: Annotated[
        list[str] | None, typer.Option("--role", help="Its roles from now on; may repeat.")
    ] = None,
    person: Annotated[
        str | None,
        typer.Option("--person", help="Whose account it is from now on; '' is nobody's."),
    ] = None,
    department: Annotated[
        list[str] | None, typer.Option("--department", help="Sees only these; may repeat.")
    ] = None,
    site: Annotated[
        list[str] | None, typer.Option("--site", help="Sees only these; may repeat.")
    ] = None,
    no_scope: Annotated[
        bool, typer.Option("--no-scope", help="No longer limited to departments or sites.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the audit log.")],
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give an account other roles, another person, another scope. What is not said stays.

    Departments and sites that are said replace those of before. Its sessions end. Nobody changes the
    own account.
    """
    from msgspec import UNSET

    from hr_core.accounts.management import AccountChange, change_account, roles_of
    from hr_core.accounts.model import AccountScope

    if no_scope and (department or site):
        raise typer.BadParameter("give units or --no-scope", param_hint="--no-scope")
    said_scope = AccountScope(departments=tuple(department or ()), sites=tuple(site or ()))
    wanted = AccountChange(
        roles=roles_of(role) if role else UNSET,
        person=UNSET if person is None else person or None,
        scope=said_scope if no_scope or department or site else UNSET,
    )
    if wanted == AccountChange():
        raise typer.BadParameter("say what changes: --role, --person, --department, --site")
    with writing(context, db) as conn:
        before, after = change_account(conn, name, wanted, ordered_by(by, reason))
    if as_json:
        print_json({"before": before, "after": after})
        return
    print(f"was  {_line(before)}")
    print(f"now  {_line(after)}")


@app.command("list")
def list_(context: typer.Context, *, db: DbOption = None, as_json: JsonOption = False) -> None:
    """Show every account: roles, person, scope, state."""
    from hr_core.store.accounts import all_accounts

    with reading(context, db) as conn:
        found = all_accounts(conn)
    if as_json:
        print_json({"accounts": found})
        return
    for one in found:
        print(_line(one))
    if not found:
        print("There is no account yet: hr-core account add NAME --role admin", file=sys.stderr)


@app.command("disable")
def disable(
    context: typer.Context,
    name: NameArgument,
    *,
    reason: ReasonOption = "",
    by: ByOption = None,
    db: DbOption = None,
) -> None:
    """Shut an account out: its sessions end, its tokens are refused. Nothing is deleted."""
    _switch(context, db, name, ordered_by(by, reason), disabled=True)


@app.command("enable")
def enable(
    context: typer.Context,
    name: NameArgument,
    *,
    reason: ReasonOption = "",
    by: ByOption = None,
    db: DbOption = None,
) -> None:
    """Let a disabled account in again."""
    _switch(context, db, name, ordered_by(by, reason), disabled=False)


@app.command("password")
def password(  # noqa: PLR0913 - one option each
    context: typer.Context,
    name: NameArgument,
    *,
    code: Annotated[
        bool, typer.Option("--code", help="Print a one-time set-up code instead of asking.")
    ] = False,
    password_file: PasswordFileOption = None,
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give an account a new password: asked for, from a file, or chosen by its owner with a code.

    Asked for or from a file, its owner must choose another one at the next login.
    """
    from hr_core.accounts.management import make_setup_code, set_password
    from hr_core.store import database

    chosen = None if code else chosen_password(password_file, name)
    kept = None if chosen is None else _kept(name, chosen)
    with core(context, db) as engine, database.writing(engine) as conn:
        if kept is not None:
            set_password(conn, name, kept, ordered_by(by), must_change=True)
            made = None
        else:
            made = make_setup_code(conn, name, ordered_by(by), random_bytes)
    _tell(name, made, as_json=as_json)


@app.command("unlock")
def unlock(
    context: typer.Context, name: NameArgument, *, by: ByOption = None, db: DbOption = None
) -> None:
    """End the wait that follows failed logins."""
    from hr_core.accounts.management import unlock as unlock_account

    with writing(context, db) as conn:
        failures = unlock_account(conn, name, ordered_by(by))
    print(f"{name}: {failures} failed logins forgotten")


def make_first_admin(
    engine: sa.Engine, name: str | None, password_file: Path | None, *, by: str | None = None
) -> None:
    """What `hr-core init` does about accounts: nothing by itself in a pipe, but say what is missing.

    Raises AccountError when accounts exist and another administrator is asked for here.
    """
    from hr_core.accounts.errors import AccountError
    from hr_core.accounts.management import NewAccount
    from hr_core.accounts.model import Role
    from hr_core.store.accounts import any_account

    with engine.connect() as conn:
        exists = any_account(conn)
    if exists:
        if name is None:
            return
        raise AccountError(
            "there are accounts already: init makes the first one only",
            remedy=f"hr-core account add {name} --role admin",
        )
    if name is None and at_terminal():
        name = typer.prompt("Login name of the first administrator (empty: later)", default="")
    if not name:
        print(
            "There is no account yet: pages answer on this machine only. The first one: "
            "hr-core account add NAME --role admin",
            file=sys.stderr,
        )
        return
    chosen = chosen_password(password_file, name)
    _tell(
        name, add_with_password(engine, NewAccount(name=name, roles=(Role.ADMIN,)), chosen, by=by)
    )


def add_with_password(
    engine: sa.Engine, new: NewAccount, password: str | None, *, by: str | None
) -> str | None:
    """The set-up code when `password` is None. Raises AccountError."""
    from hr_core.accounts.management import add_account, make_setup_code, set_password
    from hr_core.store import database

    kept = None if password is None else _kept(new.name, password)
    with database.writing(engine) as conn:
        account = add_account(conn, new, ordered_by(by))
        if kept is None:
            return make_setup_code(conn, account.name, ordered_by(by), random_bytes)
        set_password(conn, account.name, kept, ordered_by(by))
        return None


def chosen_password(file: Path | None, name: str) -> str | None:
    """From the file, else asked for on a terminal; None: its owner shall choose by a code."""
    import getpass

    if file is not None:
        return first_line(file)
    if not at_terminal():
        return None
    first = getpass.getpass(f"Password for {name} (empty: print a set-up code): ")
    if not first:
        return None
    if getpass.getpass("Once more: ") != first:
        raise typer.BadParameter("the two are not the same; nothing was changed")
    return first


def at_terminal() -> bool:
    """Somebody sits there: what runs us in a pipe must never be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def first_line(file: Path) -> str:
    """Raises CoreError. The content is never told."""
    from hr_core.errors import CoreError

    try:
        with file.open(encoding="utf-8") as content:
            line = content.read(_LONGEST_FILE).partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8"
        raise CoreError(
            f"the password file {file} cannot be read ({why})",
            remedy="give a text file with the password in its first line",
        ) from exc
    if not line:
        raise CoreError(f"the first line of {file} is empty", remedy="put the password there")
    return line


def _switch(context: typer.Context, db: str | None, name: str, act: Act, *, disabled: bool) -> None:
    from hr_core.accounts.management import set_disabled

    with writing(context, db) as conn:
        changed = set_disabled(conn, name, act, disabled=disabled)
    state = "disabled" if disabled else "enabled"
    print(f"{name}: {state}" if changed else f"{name}: was {state} already")


def _kept(name: str, password: str) -> str:
    from hr_core.accounts.management import kept_password
    from hr_core.accounts.passwords import Passwords

    return kept_password(Passwords(), name, password)


def ordered_by(by: str | None, reason: str = "") -> Act:
    from hr_core.accounts.management import Act
    from hr_core.clock import SystemClock

    return Act(actor=by or operator(), at=SystemClock().now(), reason=reason)


def random_bytes(size: int) -> bytes:
    import secrets

    return secrets.token_bytes(size)


def _tell(name: str, code: str | None, *, as_json: bool = False) -> None:
    from hr_core.accounts.management import SETUP_CODE_FOR

    if as_json:
        print_json({"account": name, "setup_code": code})
    elif code is None:
        print(f"{name}: the password is set")
    else:
        print(code)
        print(
            f"Once, for {name}, within {SETUP_CODE_FOR // timedelta(hours=1)} hours: open "
            "/en/setup on the core (http://localhost:8460/en/setup) and choose a password",
            file=sys.stderr,
        )


def _line(one: Account) -> str:
    facts = [",".join(one.roles)]
    if one.person is not None:
        facts.append(f"person {one.person}")
    facts += [f"department {code}" for code in one.scope.departments]
    facts += [f"site {code}" for code in one.scope.sites]
    if one.disabled:
        facts.append("DISABLED")
    elif not one.has_password:
        facts.append("no password yet")
    elif one.must_change:
        facts.append("must choose a new password")
    return f"{one.name}  {'  '.join(facts)}"
