"""The closed list of device states and the only transitions between them (design.md 3)."""

from enum import StrEnum


class DeviceState(StrEnum):
    IDLE = "idle"  # not started yet, or stopped cleanly
    CONNECTING = "connecting"
    READY = "ready"
    BACKOFF = "backoff"  # will be tried again by itself
    BLOCKED = "blocked"  # a person must act; looked at again now and then
    DISABLED = "disabled"  # switched off in the site file


class DeviceSignal(StrEnum):
    START = "start"
    IDENTIFIED = "identified"
    FAILED = "failed"  # retrying can help
    REFUSED = "refused"  # retrying cannot help
    RETRY_DUE = "retry_due"
    STOP = "stop"
    DISABLE = "disable"


class IllegalTransitionError(Exception):
    """A bug of ours: `signal` has no meaning in `state`."""

    def __init__(self, state: DeviceState, signal: DeviceSignal) -> None:
        super().__init__(f"no transition from {state} on {signal}")
        self.state = state
        self.signal = signal


NEXT: dict[tuple[DeviceState, DeviceSignal], DeviceState] = {
    (DeviceState.IDLE, DeviceSignal.START): DeviceState.CONNECTING,
    (DeviceState.IDLE, DeviceSignal.DISABLE): DeviceState.DISABLED,
    (DeviceState.CONNECTING, DeviceSignal.IDENTIFIED): DeviceState.READY,
    (DeviceState.CONNECTING, DeviceSignal.FAILED): DeviceState.BACKOFF,
    (DeviceState.CONNECTING, DeviceSignal.REFUSED): DeviceState.BLOCKED,
    (DeviceState.READY, DeviceSignal.FAILED): DeviceState.BACKOFF,
    (DeviceState.READY, DeviceSignal.REFUSED): DeviceState.BLOCKED,
    (DeviceState.BACKOFF, DeviceSignal.RETRY_DUE): DeviceState.CONNECTING,
    (DeviceState.BLOCKED, DeviceSignal.RETRY_DUE): DeviceState.CONNECTING,
    (DeviceState.CONNECTING, DeviceSignal.STOP): DeviceState.IDLE,
    (DeviceState.READY, DeviceSignal.STOP): DeviceState.IDLE,
    (DeviceState.BACKOFF, DeviceSignal.STOP): DeviceState.IDLE,
    (DeviceState.BLOCKED, DeviceSignal.STOP): DeviceState.IDLE,
    (DeviceState.IDLE, DeviceSignal.STOP): DeviceState.IDLE,
    (DeviceState.DISABLED, DeviceSignal.STOP): DeviceState.DISABLED,
}


def after(state: DeviceState, signal: DeviceSignal) -> DeviceState:
    """The state that `signal` leads to. Raises IllegalTransitionError for a pair not in the table."""
    try:
        return NEXT[state, signal]
    except KeyError:
        raise IllegalTransitionError(state, signal) from None
