"""A fake ZK terminal on a real socket, with the faults that real ones have."""

from simulators.zk_terminal.config import Disturbance, Faults, TerminalConfig
from simulators.zk_terminal.terminal import TerminalDisabledError, ZkTerminal, serve
from simulators.zk_terminal.usb_rows import rows_from_usb_export
from simulators.zk_terminal.worn_log import Damage, Wear, WornLog, worn_log

__all__ = [
    "Damage",
    "Disturbance",
    "Faults",
    "TerminalConfig",
    "TerminalDisabledError",
    "Wear",
    "WornLog",
    "ZkTerminal",
    "rows_from_usb_export",
    "serve",
    "worn_log",
]
