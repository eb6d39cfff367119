"""How far a device's rows had come at a moment: by lane the last arrival, as JSON in the ledger."""

import msgspec

_decoder = msgspec.json.Decoder(dict[int, int])


def decode_ends(stored: str) -> dict[int, int]:
    """Raises msgspec.MsgspecError for what we never wrote."""
    return _decoder.decode(stored)


def encode_ends(by_lane: dict[int, int]) -> str:
    return msgspec.json.encode(by_lane).decode()


def are_sound_ends(stored: str) -> bool:
    try:
        ends = decode_ends(stored)
    except (msgspec.MsgspecError, UnicodeError, TypeError):
        return False
    return all(lane > 0 and last > 0 for lane, last in ends.items())
