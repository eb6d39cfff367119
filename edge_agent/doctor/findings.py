"""What doctor finds, and the closed list of its codes (explained in docs/errors.md)."""

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from edge_agent.errors import ExitCode


class Severity(StrEnum):
    OK = "ok"
    WARN = "warn"  # works, but not as it should
    BAD = "bad"  # punches are not collected, or could be lost


class Code(StrEnum):
    """Numbers never change their meaning; a check that finds nothing wrong reports its first."""

    PYTHON = "E1001"
    NO_VENV = "E1002"
    CORE_EXTRA = "E1003"
    OPCUA_EXTRA = "E1004"
    CONFIG_MISSING = "E1010"
    CONFIG_INVALID = "E1011"
    ZONE = "E1012"
    CONFIG_REJECTED = "E1013"
    CONFIG_NEEDS_RESTART = "E1014"
    CLOCK_UNSET = "E1020"
    CLOCK_BEHIND_SPOOL = "E1021"
    CLOCK_OFF = "E1022"
    STATE_DIR = "E1030"
    STATE_DIR_READ_ONLY = "E1031"
    DISK_SPACE = "E1032"
    FSYNC_SLOW = "E1033"
    SPOOL_MISSING = "E1040"
    SPOOL_DAMAGED = "E1041"
    DEAD_LETTERS = "E1042"
    QUARANTINE = "E1043"
    SPOOL_SALVAGED = "E1044"
    RETENTION = "E1045"
    SPOOL_FILLING = "E1046"
    WATERMARK_HELD = "E1047"
    AGENT_NOT_RUNNING = "E1050"
    TASK_FAILED = "E1051"
    NO_DEVICES = "E1060"
    DEVICE_NAME_UNKNOWN = "E1061"
    DEVICE_REFUSED = "E1062"
    DEVICE_SILENT = "E1063"
    DEVICE_UNREACHABLE = "E1064"
    SERIAL_PORT_MISSING = "E1065"
    SERIAL_PORT_DENIED = "E1066"
    LOG_CHANGED = "E1067"
    SERIAL_PORT_MOVES = "E1068"
    LINE_ORDER_WAITS = "E1069"
    MEMORY_FILLING = "E1083"
    BAD_LINE = "E1084"
    DEVICE_ALARM = "E1085"
    NO_UPLINK = "E1070"
    UPLINK_UNREACHABLE = "E1071"
    UPLINK_FAILING = "E1072"
    KEY_REFUSED = "E1073"
    NOT_ENROLLED = "E1076"
    IDENTITY_UNUSABLE = "E1077"
    EXPOSED = "E1078"
    CERTIFICATE = "E1079"
    ANOTHER_SERIAL = "E1080"
    DEVICE_REPLACED = "E1081"
    DEVICE_SHARED = "E1082"
    EXPORT_FAILING = "E1100"
    EXPORT_ORPHANED = "E1101"
    EXPORT_REFUSALS = "E1102"
    EXPORT_GAVE_UP = "E1103"
    EXPORT_HOST_KEY = "E1104"
    BROKER_REFUSES = "E1110"
    BROKER_LIMITS = "E1111"
    BROKER_NO_CORE = "E1112"
    BROKER_OPEN = "E1113"
    LINE_BROKER_DROPS = "E1120"
    LINE_BROKER_FORGETS = "E1121"
    LINE_BROKER_UNKNOWN = "E1122"
    CHAIN_FORK = "E1090"
    CORE_RESTORED = "E1091"
    WRONG_CORE = "E1092"


class Finding(Struct, frozen=True):
    """One result. `remedy` is empty when nothing needs doing."""

    code: Code
    severity: Severity
    where: str
    what: str
    remedy: str = ""


def good(code: Code, where: str, what: str) -> Finding:
    return Finding(code, Severity.OK, where, what)


def warn(code: Code, where: str, what: str, remedy: str) -> Finding:
    return Finding(code, Severity.WARN, where, what, remedy)


def bad(code: Code, where: str, what: str, remedy: str) -> Finding:
    return Finding(code, Severity.BAD, where, what, remedy)


def verdict(findings: Iterable[Finding]) -> ExitCode:
    """The worst finding decides."""
    severities = {finding.severity for finding in findings}
    if Severity.BAD in severities:
        return ExitCode.BROKEN
    return ExitCode.DEGRADED if Severity.WARN in severities else ExitCode.OK
