"""Command and reply codes of the ZK pull protocol (specs/zk_pull/protocol.md 2)."""

from enum import IntEnum


class Command(IntEnum):
    """What the host asks."""

    DB_RRQ = 7
    USER_WRQ = 8
    USERTEMP_RRQ = 9
    USERTEMP_WRQ = 10
    OPTIONS_RRQ = 11
    OPTIONS_WRQ = 12
    ATTLOG_RRQ = 13  # never sent directly over TCP: K40 and Z40 answer with unrelated memory
    CLEAR_DATA = 14  # without a type byte it wipes everything
    CLEAR_ATTLOG = 15
    DELETE_USER = 18
    TZ_RRQ = 27
    TZ_WRQ = 28
    ULG_RRQ = 29
    UNLOCK = 31
    OPLOG_RRQ = 34
    GET_FREE_SIZES = 50
    START_VERIFY = 60
    START_ENROLL = 61
    CANCEL_CAPTURE = 62
    STATE_RRQ = 64
    DOOR_STATE_RRQ = 75
    VERIFY_WRQ = 79
    VERIFY_RRQ = 80
    GET_USERTEMP = 88
    GET_TIME = 201
    SET_TIME = 202
    REG_EVENT = 500
    CONNECT = 1000
    EXIT = 1001
    ENABLE_DEVICE = 1002
    DISABLE_DEVICE = 1003
    RESTART = 1004
    POWER_OFF = 1005
    REFRESH_DATA = 1013
    REFRESH_OPTION = 1014
    GET_VERSION = 1100
    AUTH = 1102
    PREPARE_DATA = 1500
    DATA = 1501
    FREE_DATA = 1502
    PREPARE_BUFFER = 1503
    READ_CHUNK = 1504
    ATTLOG_RANGE_RRQ = 10004


class Reply(IntEnum):
    """What the device answers. 1500 and 1501 are commands that also come as replies."""

    PREPARE_DATA = 1500
    DATA = 1501
    ACK_OK = 2000
    ACK_ERROR = 2001
    ACK_DATA = 2002
    ACK_RETRY = 2003
    ACK_REPEAT = 2004
    ACK_UNAUTH = 2005
    AUTH_LOCKED = 2032
    ALLOCATION_FAILED = 4989
    SECURE_CHALLENGE = 6001
    BAD_DATA = 65531
    NOT_INITIALISED = 65532
    BAD_COMMAND = 65533
    UNKNOWN_COMMAND = 65535


EVENT = 500  # the command field of a packet that the device sends unasked
