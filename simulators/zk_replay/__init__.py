"""A recorded terminal on a real socket: it says what the recording holds, and nothing else."""

from simulators.zk_replay.recorded_terminal import RecordedTerminal
from simulators.zk_replay.server import ZkReplay

__all__ = ["RecordedTerminal", "ZkReplay"]
