"""How single models depart from their family. A closed list: a quirk that no code acts on is none.

Each member says what it changes; the drivers ask `quirk in profile.quirks` at that one place.
"""

from enum import StrEnum


class Quirk(StrEnum):
    COUNT_UNKNOWN = "count_unknown"
    """The record count that the device reports means nothing (always 0, or a reply of 4 bytes).
    The driver then reports no count instead of a wrong one (pyzk issues 41, 76, 170)."""

    EMPTY_LOG_IS_NO_PROOF = "empty_log_is_no_proof"
    """The pull log may read as empty while punches exist (access-control mode, push-only storage).
    The driver then does not report 0 rows on the device, so that no watermark is built on it
    (pyzk issues 126, 170)."""

    BARE_TABLE_COMMANDS = "bare_table_commands"
    """The firmware has no buffer (1503): tables are asked by their own command (13, 9). Only over
    UDP; over TCP such a question gives unrelated memory (protocol.md 6.5, js_zklib issue 7)."""
