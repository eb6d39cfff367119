"""Orders that must not be given twice. Each is sent once; when no answer comes, the terminal is asked
whether it was carried out, and where it cannot tell, a person is told that nobody knows.
"""

from collections.abc import Awaitable, Callable

from drivers.errors import DeviceMisbehavedError, DriverError, LinkDownError
from drivers.zk_pull.runner import Runner
from protocols.errors import ProtocolError
from protocols.zk.exchange import Dialogue, UnansweredOrderError


async def carry_out(
    runner: Runner,
    order: Dialogue[None],
    *,
    aim: str,
    look: str,
    where: str,
    done: Callable[[], Awaitable[bool]] | None = None,
) -> None:
    """Gives `order`, for messages the order to `aim`. Returns once it is known to be carried out as
    far as the terminal's own answer, or else `done`, tells. Raises DeviceMisbehavedError otherwise,
    and the terminal's refusal.

    look  what a person should compare on the terminal when nobody knows
    """
    try:
        await runner.run(order)
    except LinkDownError as exc:
        raise outcome_unknown(aim, look, where=where, cause=exc.what) from exc
    except UnansweredOrderError as exc:
        if done is None:
            raise outcome_unknown(aim, look, where=where, cause="no answer") from exc
        try:
            was_done = await done()
        except (ProtocolError, LinkDownError) as second:
            raise outcome_unknown(aim, look, where=where, cause=str(second)) from second
        if not was_done:
            raise lost_order(aim, where=where) from exc


def outcome_unknown(aim: str, look: str, *, where: str, cause: str) -> DriverError:
    return DeviceMisbehavedError(
        f"it is not known whether the order to {aim} was carried out ({cause})",
        where=where,
        remedy=f"{look}, before you give it again: it was sent once and is never repeated by itself",
        code="order_unknown",
    )


def lost_order(aim: str, *, where: str) -> DriverError:
    return DeviceMisbehavedError(
        f"the order to {aim} got lost: no answer came, and the terminal has not carried it out",
        where=where,
        remedy="Nothing was changed. Give it again; if that repeats, look at the line: "
        "edge-agent doctor",
        code="order_lost",
    )
