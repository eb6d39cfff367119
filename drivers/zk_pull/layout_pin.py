"""Which layout a terminal's log is read by: the one that its stored rows were read by, for good.

The pin is in the cursor, which the spool keeps by serial number. A table of another layout is
never taken for it by itself: a damaged download could look like one, and its rows would be
published. New firmware does change the layout (MB560-VL to 49 bytes), so a person may say so.
"""

from drivers.vitals import Alarm
from drivers.zk_pull.log_cursor import LogCursor
from protocols.zk.layout_choice import LayoutChoice, TableBytes, choose_layout
from protocols.zk.layouts import Layout


def pinned_layout(stored: LogCursor | None, configured: Layout | None) -> Layout | None:
    """What a person wrote into the site file, else what rows have proven, else None.

    A log that never held a row proves nothing: then the cursor has only what was assumed.
    """
    if configured is not None:
        return configured
    proven = stored is not None and (stored.rows > 0 or stored.epoch > 0)
    return stored.layout if stored is not None and proven else None


def layout_of(  # noqa: PLR0913 - every argument is a fact of the device
    table: TableBytes,
    stored: LogCursor | None,
    *,
    configured: Layout | None,
    usual: Layout,
    count: int | None,
    now_year: int,
    shown_year: int | None = None,
) -> LayoutChoice:
    """`usual` is the profile's word on this model, `count` the terminal's on its log: hints."""
    return choose_layout(
        table,
        pinned=pinned_layout(stored, configured),
        hint=stored.layout if stored is not None else usual,
        count=count,
        now_year=now_year,
        shown_year=shown_year,
    )


def unreadable_alarm(choice: LayoutChoice, size: int) -> Alarm:
    """What is wrong with a log of `size` bytes that is not trusted, and what to do."""
    best = f"{choice.layout}, plausibility {choice.score:.2f}"
    if choice.pinned is None:
        return Alarm(
            code="log_unreadable",
            what=f"no attendance layout fits this log of {size} bytes (best: {best})",
            remedy="Do not clear the terminal; report these bytes with the device's facts",
        )
    return Alarm(
        code="log_layout_changed",
        what=f"this log of {size} bytes does not fit {choice.pinned}, by which this terminal's log "
        f"is read (best now: {best})",
        remedy="Do not clear the terminal. If its firmware was changed, write "
        f'`record_layout = "{choice.layout}"` for it into the site file; else report these bytes',
    )
