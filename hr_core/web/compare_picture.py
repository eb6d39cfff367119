"""The waterfall of causes: run A, a step up or down for each cause, run B. No library.

The scale does not begin at zero: what differs is small beside the whole. Both runs stand on a broken
foot to say so.
"""

from collections.abc import Sequence

from msgspec import Struct

MOST_BARS = 9
_WIDTH, _HEIGHT, _GAP = 112, 170, 18
_TOP, _FOOT = 22, 26
_LEAST = 2  # a cause of one fen still has a bar that can be seen


class Step(Struct, frozen=True, kw_only=True):
    """`kind` is the style's class and the cause's code; `link` may be empty."""

    kind: str
    label: str
    fen: int
    link: str = ""


class Bar(Struct, frozen=True, kw_only=True):
    """`whole`: one of the two runs; else a cause, `up` when it adds."""

    x: int
    y: int
    height: int
    middle: int
    text_y: int
    step: Step
    whole: bool
    up: bool


class Waterfall(Struct, frozen=True, kw_only=True):
    width: int
    height: int
    bar_width: int
    foot: int
    bars: tuple[Bar, ...]
    joints: tuple[tuple[int, int, int], ...]  # (x from, x to, y) of the line between two bars


def waterfall(before: Step, causes: Sequence[Step], after: Step, others: str) -> Waterfall:
    """`others`: the word for causes that are too many for bars of their own."""
    causes = _few(causes, others)
    levels = [before.fen]
    for cause in causes:
        levels.append(levels[-1] + cause.fen)
    low, high = min(*levels, after.fen), max(*levels, after.fen)
    span = max(high - low, 1)

    def y(fen: int) -> int:
        return _TOP + round((high - fen) * (_HEIGHT - 50) / span)

    ground = _TOP + _HEIGHT
    bars = [_whole(0, before, y(before.fen), ground)]
    for at, cause in enumerate(causes):
        top, bottom = sorted((y(levels[at]), y(levels[at + 1])))
        bars.append(_part(at + 1, cause, top, bottom))
    bars.append(_whole(len(causes) + 1, after, y(after.fen), ground))
    inner = _WIDTH - _GAP
    joints = [(at * _WIDTH + inner, (at + 1) * _WIDTH, y(level)) for at, level in enumerate(levels)]
    return Waterfall(
        width=len(bars) * _WIDTH - _GAP,
        height=ground + _FOOT,
        bar_width=inner,
        foot=ground,
        bars=tuple(bars),
        joints=tuple(joints),
    )


def _few(causes: Sequence[Step], others: str) -> list[Step]:
    room = MOST_BARS - 2
    if len(causes) <= room:
        return list(causes)
    shown, rest = causes[: room - 1], causes[room - 1 :]
    return [*shown, Step(kind="others", label=others, fen=sum(one.fen for one in rest))]


def _whole(at: int, step: Step, top: int, ground: int) -> Bar:
    return _bar(at, step, top, ground - top, whole=True)


def _part(at: int, step: Step, top: int, bottom: int) -> Bar:
    return _bar(at, step, top, max(bottom - top, _LEAST), whole=False)


def _bar(at: int, step: Step, top: int, height: int, *, whole: bool) -> Bar:
    x = at * _WIDTH
    return Bar(
        x=x,
        y=top,
        height=height,
        middle=x + (_WIDTH - _GAP) // 2,
        text_y=top - 6,
        step=step,
        whole=whole,
        up=step.fen >= 0,
    )
