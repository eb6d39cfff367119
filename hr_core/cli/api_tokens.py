"""`hr-core token create|list|revoke` for programs; `hr-core token GATEWAY` for gateways, as ever."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typing_extensions import override

from hr_core.cli import gateways
from hr_core.cli.accounts import ByOption, ReasonOption, ordered_by, random_bytes
from hr_core.cli.options import DbOption, JsonOption, print_json, reading, writing

_GATEWAY = "gateway"
_BEARER = "Authorization: Bearer …"


class _GatewayFirst(TyperGroup):
    """`hr-core token gw-01` came before there were other tokens: what names no verb is a gateway."""

    @override
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] != "--help":
            args = [_GATEWAY, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_GatewayFirst, help="Tokens: for programs, and one-time ones with which gateways join."
)
app.command(_GATEWAY)(gateways.token)


@app.callback()
def _token() -> None:
    """Tokens for programs (create, list, revoke); hr-core token NAME lets the gateway NAME join."""


@app.command("create")
def create(  # noqa: PLR0913 - one option each
    context: typer.Context,
    account: Annotated[str, typer.Argument(help="In whose name it asks.", show_default=False)],
    *,
    scope: Annotated[
        list[str],
        typer.Option("--scope", help="What it may do, like attendance:read; may repeat."),
    ],
    days: Annotated[int, typer.Option("--days", min=1, max=366, help="How long it is good.")] = 90,
    label: Annotated[str, typer.Option("--label", help="What it is for.")] = "",
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a token for a program and print it, this once. It is stored as a digest only."""
    from hr_core.accounts.management import TokenOrder, create_token, rights_of
    from hr_core.accounts.model import Right

    order = TokenOrder(
        account=account, scopes=rights_of(scope), valid_for=timedelta(days=days), label=label
    )
    with writing(context, db) as conn:
        text, token = create_token(conn, order, ordered_by(by), random_bytes)
    board = f"/zh/board/wall?token={text}" if Right.BOARD_WALL in token.scopes else None
    if as_json:
        told = {"token": text, "id": token.id, "expires_at": token.expires_at}
        print_json(told | ({"board": board} if board else {}))
        return
    print(text)
    print(
        f"Token {token.id} of {token.account}, good until {token.expires_at:%Y-%m-%d %H:%M} UTC; "
        f"it is not shown again. Use: {f'open {board} (or /en/…) on the screen' if board else _BEARER}",
        file=sys.stderr,
    )


@app.command("list")
def list_(
    context: typer.Context,
    *,
    account: Annotated[str | None, typer.Option("--account", help="Only of this one.")] = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the tokens of programs: scopes, expiry, last use."""
    from hr_core.clock import SystemClock
    from hr_core.store.tokens import api_tokens_of

    now = SystemClock().now()
    with reading(context, db) as conn:
        found = api_tokens_of(conn, account)
    if as_json:
        print_json({"tokens": found})
        return
    for one in found:
        state = f"until {one.expires_at:%Y-%m-%d %H:%M}"
        if one.revoked_at is not None:
            state = f"REVOKED {one.revoked_at:%Y-%m-%d %H:%M}"
        elif not one.in_force(now):
            state = f"OVER since {one.expires_at:%Y-%m-%d %H:%M}"
        used = f"{one.last_used:%Y-%m-%d %H:%M}" if one.last_used else "never"
        print(f"{one.id}  {one.account}  {','.join(one.scopes)}  {state}  used {used}  {one.label}")
    if not found:
        print("No program has a token: hr-core token create ACCOUNT --scope SCOPE")


@app.command("revoke")
def revoke(
    context: typer.Context,
    identity: Annotated[str, typer.Argument(metavar="ID", help="As hr-core token list shows it.")],
    *,
    reason: ReasonOption = "",
    by: ByOption = None,
    db: DbOption = None,
) -> None:
    """Refuse a program's token from now on."""
    from hr_core.accounts.management import revoke_token

    with writing(context, db) as conn:
        token = revoke_token(conn, identity, ordered_by(by, reason))
    print(f"token {token.id} of {token.account} is refused")
