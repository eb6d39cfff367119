"""What a capture tells by the order of its packets, and what it tells in the wrong order."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from protocols.zk.capture import Captured, CapturedPacket, Stray
from protocols.zk.commands import Reply


def answers_to_connect(items: Iterable[Captured]) -> Iterator[int]:
    """Their session ids. The first request has number 0, of some hosts 1."""
    for item in items:
        if isinstance(item, Stray) or item.sent or item.packet.reply_id > 1:
            continue
        if item.packet.command in {Reply.ACK_OK, Reply.ACK_UNAUTH}:
            yield item.packet.session


def announcements_first(items: Iterable[tuple[int, Captured]]) -> Iterator[tuple[int, Captured]]:
    """Datagrams overtake one another: of those that answer one request the 1500 comes first."""
    for reply_id, group in groupby(items, key=_answered):
        answers = list(group)
        yield from answers if reply_id is None else sorted(answers, key=_is_no_announcement)


def _answered(numbered: tuple[int, Captured]) -> int | None:
    item = numbered[1]
    return item.packet.reply_id if isinstance(item, CapturedPacket) and not item.sent else None


def _is_no_announcement(numbered: tuple[int, Captured]) -> bool:
    item = numbered[1]
    return isinstance(item, Stray) or item.packet.command != Reply.PREPARE_DATA
