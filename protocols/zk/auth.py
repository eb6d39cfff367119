"""The token of CMD_AUTH (protocol.md 3): obfuscation, not security; a capture reveals the key."""

MAX_COMM_KEY = 999_999
_MASK = b"ZKSO"


def auth_token(key: int, session_id: int, tick: int = 50) -> bytes:
    """Four bytes for comm key `key` in session `session_id`. Raises ValueError for a key that no
    terminal accepts. Any `tick` works; 50 is customary.
    """
    if not 0 <= key <= MAX_COMM_KEY:
        raise ValueError(f"comm key {key} is not within 0 to {MAX_COMM_KEY}")
    mirrored = int(f"{key:032b}"[::-1], 2)
    summed = ((mirrored + session_id) & 0xFFFF_FFFF).to_bytes(4, "little")
    low, second, third, high = (byte ^ mask for byte, mask in zip(summed, _MASK, strict=True))
    del low  # overwritten by the tick below: sessions that differ only there share a token
    return bytes((third ^ tick, high ^ tick, tick, second ^ tick))
