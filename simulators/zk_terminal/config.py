"""What a simulated terminal is, and how it may misbehave."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from protocols.zk.layouts import Layout


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalConfig:
    """A terminal as it left the factory.

    clock               naive wall clock of the place where it hangs
    clock_offset_s      so many seconds its own clock is ahead when it is switched on
    clock_drift_ppm     so many millionths its clock runs faster, from when it was last set
    clock_jump_after_s  so many seconds after it was switched on, its clock jumps
    clock_jump_s        by so many seconds the clock jumps, negative back, as when a battery fails
    comm_key            None: CONNECT opens the session; else AUTH is demanded, also with key 0
    packet_bytes        data bytes of one packet of a chunk: 1008, 1024, 65528, 65536 are real
    inline_bytes        tables up to this size (size word included) are answered in one packet
    lone_chunks         each chunk is one packet without announcement and ACK, as of some firmware
    transport           over UDP, packets are at most 1024 bytes and the bare table commands work
    buffered            without it, as old firmware, it does not know the table buffer (1503)
    record_capacity     rows that it claims to have room for
    user_capacity       people that it claims to have room for
    operation_log       without it the terminal refuses that table
    answers_restart     an order to restart is acknowledged first; most firmware just goes
    event_bytes         a punch event's record: 10, 12, 14, 32, 36, 37, 52 are known, others are not
    code_page           encoding of the names in its user table
    options             further option values by key, as `OPTIONS_RRQ` asks for them
    """

    clock: Callable[[], datetime]
    serial: str = "CLK0000000001"
    device_name: str = "F18/ID"
    platform: str = "ZMM210_TFT"
    firmware: str = "Ver 6.60 Apr 26 2016"
    mac: str = "00:17:61:00:00:01"
    comm_key: int | None = None
    layout: Layout = Layout.ATT40
    user_width: Literal[28, 72] = 72
    packet_bytes: int = 1008
    inline_bytes: int = 1024
    lone_chunks: bool = False
    transport: Literal["tcp", "udp"] = "tcp"
    buffered: bool = True
    clock_offset_s: int = 0
    clock_drift_ppm: float = 0.0
    clock_jump_after_s: float | None = None
    clock_jump_s: float = 0.0
    record_capacity: int = 100_000
    user_capacity: int = 5_000
    operation_log: bool = True
    answers_restart: bool = False
    event_bytes: int = 32
    code_page: str = "utf-8"
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbance:
    """What a network does to the datagrams of one direction.

    lose           share of them, 0 to 1, that is lost
    duplicate      share of them, 0 to 1, that is doubled
    reorder        share of them, 0 to 1, that is swapped with the next one
    lose_nth       exactly these are lost, counted from 1 since the terminal was switched on
    duplicate_nth  exactly these are doubled
    reorder_nth    exactly these are swapped with the next one
    """

    lose: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    lose_nth: frozenset[int] = frozenset()
    duplicate_nth: frozenset[int] = frozenset()
    reorder_nth: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """How the terminal misbehaves; the default is a good one. Every knob is a quirk seen in the
    field (protocol.md 14, field_pains.md).

    seed                  of everything random here
    segment_bytes         each write carries 1 to this many bytes (1: byte by byte)
    join_frames           up to so many frames of one answer leave in one write
    latency_s             so many seconds pass before each answer
    wrong_checksum_every  each so-many-th packet has a wrong checksum
    refuse_connect        reply code to CONNECT: 2005 for ever, 2032, 6001
    refuse_auth           AUTH is demanded, and this is the reply code to it, whatever the key
    refuse_table          reply code to table requests: 4989 in access-control mode
    drop_connections      that many first connections are closed at once
    hang_after            after that many connections nobody gets an answer, until it is restarted
    close_after           closes the connection after that many bytes of bulk data, mid-frame
    serial                answers with this serial, as after an address conflict
    sizes_bytes           length of the reply to GET_FREE_SIZES
    count                 attendance count that the reply claims
    ack_before_last_data  the closing ACK overtakes the last data packet
    late_ack              the closing ACK comes only after the next request
    event_in_download     an event between the first and the second data packet of a chunk
    newest_hears_events   only the host that asked last for events gets them: it steals the others'
    stale_buffer          a buffer that was not freed is served again to whoever asks next
    whole_reads_only      serves a table in sequence only: other chunks are refused, or the bytes of
                           the sequence come instead
    silent_on             commands that get no answer
    silent_times          how often `silent_on` is silent; always without it
    cut_on                commands that are carried out, but the connection breaks before the answer,
                          or the answer is lost (UDP)
    whole_reads_only      serves a table in sequence only: other chunks are refused, or the bytes of
                          the sequence come instead
    stuck_disabled        DISABLE ignores its seconds: nobody can punch until ENABLE
    ignores               commands that are acknowledged, and nothing happens
    opening               raw bytes sent instead of the first answer: another protocol lives here
    to_terminal           what the network does to the host's datagrams (UDP only) …
    from_terminal         … and to the terminal's

    Of TCP alone are segment_bytes, join_frames, drop_connections and close_after.
    """

    seed: int = 0
    segment_bytes: int | None = None
    join_frames: int = 1
    latency_s: float = 0.0
    wrong_checksum_every: int | None = None
    refuse_connect: int | None = None
    refuse_auth: int | None = None
    refuse_table: int | None = None
    drop_connections: int = 0
    hang_after: int | None = None
    close_after: int | None = None
    serial: str | None = None
    sizes_bytes: Literal[4, 80, 92, 112] = 92
    count: int | None = None
    ack_before_last_data: bool = False
    late_ack: bool = False
    event_in_download: bool = False
    newest_hears_events: bool = False
    stale_buffer: bool = False
    whole_reads_only: Literal["refuse", "wrong"] | None = None
    silent_on: frozenset[int] = frozenset()
    silent_times: int | None = None
    cut_on: frozenset[int] = frozenset()
    stuck_disabled: bool = False
    ignores: frozenset[int] = frozenset()
    opening: bytes | None = None
    to_terminal: Disturbance = Disturbance()
    from_terminal: Disturbance = Disturbance()
