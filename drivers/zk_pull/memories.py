"""How full a terminal is, from what GET_FREE_SIZES says (protocol.md 7) and what was really read."""

from drivers.vitals import Memory
from firmware_profiles import Profile, Quirk
from protocols.zk.sizes import Sizes


def memories_of(sizes: Sizes, profile: Profile, rows_read: int | None) -> tuple[Memory, ...]:
    """`rows_read` of the log itself is better than any count; None while none was read. A capacity
    of 0 is what firmware says of a memory that it does not have.
    """
    counted = None if Quirk.COUNT_UNKNOWN in profile.quirks else sizes.attendance
    return (
        Memory(
            name="punches",
            used=counted if rows_read is None else rows_read,
            capacity=sizes.attendance_capacity or profile.capacity.records,
        ),
        Memory(
            name="users", used=sizes.users, capacity=sizes.user_capacity or profile.capacity.users
        ),
        Memory(name="fingers", used=sizes.templates, capacity=sizes.template_capacity or None),
        Memory(name="faces", used=sizes.faces, capacity=sizes.face_capacity or None),
    )
