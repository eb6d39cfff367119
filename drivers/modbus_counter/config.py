"""What the site file says about Modbus counters: the registers, and the way to the box."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from drivers.contract import DeviceConfig
from protocols.modbus.pdu import ADDRESS_SPACE
from protocols.modbus.registers import WORD_BITS, ByteOrder, WordOrder

Parity = Literal["none", "even", "odd"]

_Address = Annotated[int, Field(ge=0, lt=ADDRESS_SPACE)]
_LAST_RTU_UNIT = 247  # serial line specification: 0 is everybody, 248 to 255 are reserved
# Of a half turn (specs/line/protocols.md 3): a fall is then a wrap or a reset, never a missed turn.
_POLLS_PER_HALF_WRAP = 4
# For the check of `poll_s` alone, where nobody said how fast the line is. Few are faster.
_ASSUMED_RATE_PER_S = 10.0


class CounterConfig(BaseModel):
    """One counter: which registers of which unit hold what. Addresses count from 0.

    Modbus describes none of this; take it from the box's register list and check one reading
    against its display (`edge-agent device registers`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    unit: int = Field(ge=0, le=255)
    """Modbus unit number (slave address), 0 to 255; 1 to 247 on a serial line."""
    tag: str = Field(min_length=1)
    """What this counter is called; unique in the box."""
    pieces: _Address
    """First register of the counter of pieces."""
    rejects: _Address | None = None
    """First register of the counter of rejects."""
    badge: _Address | None = None
    """Number of the operator who is logged in at the box, 0 for nobody."""
    boot: _Address | None = None
    """One register that changes when the box restarts. Without it a reset is a guess."""
    width: Literal[16, 32, 64] = 32
    """Bits of pieces, rejects and (unless it says otherwise) badge."""
    badge_width: Literal[16, 32, 64] | None = None
    """Bits of badge, where they are not those of pieces."""
    word_order: WordOrder = "big"
    """Of 32 and 64 bits: "big" has the high word in the lower register, "little" the low one."""
    byte_order: ByteOrder = "big"
    """In each register; "little" for the few boxes that swap its two bytes."""
    signed: bool = False
    """Pieces and rejects are two's complement."""
    modulus: int | None = Field(default=None, ge=2)
    """Where the counter turns over, if that is before its bits are full: 10000 for four digits."""
    scale: int = Field(default=1, ge=1)
    """Pieces for each step of the counter: a mould of four cavities makes 4 a shot."""
    pulses_per_piece: int = Field(default=1, ge=1)
    """Steps of the counter for each piece: a sensor that sees every piece twice has 2."""
    max_rate_per_s: float | None = Field(default=None, gt=0)
    """Pieces a second that the station can make at most. A faster rise is read twice, and `poll_s`
    is checked against it."""
    reset_after_read: bool = False
    """A register that empties itself when it is read is refused: one lost answer loses pieces."""

    @property
    def fields(self) -> dict[str, range]:
        """The registers of each value that is configured."""
        places = {
            "pieces": (self.pieces, self.width),
            "rejects": (self.rejects, self.width),
            "badge": (self.badge, self.badge_width or self.width),
            "boot": (self.boot, WORD_BITS),
        }
        return {
            name: range(address, address + bits // WORD_BITS)
            for name, (address, bits) in places.items()
            if address is not None
        }

    @property
    def steps_to_wrap(self) -> int:
        """After how many steps the registers show what they showed."""
        return self.modulus or 1 << self.width

    @property
    def longest_poll_s(self) -> float:
        """The interval that still sees each half turn four times, at full speed."""
        rate = self.max_rate_per_s or _ASSUMED_RATE_PER_S
        steps_per_s = rate * self.pulses_per_piece / self.scale
        return self.steps_to_wrap / 2 / _POLLS_PER_HALF_WRAP / steps_per_s

    def in_pieces(self, steps: int) -> int:
        """Whole pieces for what the registers show."""
        return steps * self.scale // self.pulses_per_piece

    @model_validator(mode="after")
    def _each_value_has_registers_of_its_own(self) -> "CounterConfig":
        owners: dict[int, str] = {}
        for name, registers in self.fields.items():
            if registers.stop > ADDRESS_SPACE:
                raise ValueError(f"{name} at {registers.start} ends beyond the last register")
            for address in registers:
                if address in owners:
                    raise ValueError(f"{owners[address]} and {name} both use register {address}")
                owners[address] = name
        return self

    @model_validator(mode="after")
    def _the_numbers_fit_each_other(self) -> "CounterConfig":
        if self.reset_after_read:
            raise ValueError(
                "a counter that empties itself when it is read loses pieces with each lost answer "
                "and with each second reader. Use a register that only grows, or set the box so"
            )
        if self.modulus is not None and self.modulus > 1 << self.width:
            raise ValueError(f"{self.width} bits never reach modulus {self.modulus}")
        if self.steps_to_wrap * self.scale % self.pulses_per_piece:
            raise ValueError(
                f"a turn of {self.steps_to_wrap} steps is no whole number of pieces at "
                f"pulses_per_piece {self.pulses_per_piece}: each turn would lose a part of one. "
                "Let the box divide, or count pulses (leave it out) and divide in the core"
            )
        return self


class CounterBoxConfig(DeviceConfig):
    """What a box of counters needs, whatever leads to it."""

    serial: str = ""
    """What the box is known by. Modbus has no identity, so a replaced box needs a new one here.
    Empty: the device's name."""
    timeout_s: float = Field(default=3.0, gt=0)
    """For one answer. A silent unit costs this much of each round until its back-off grows."""
    function: Literal[3, 4] = 3
    """3 reads holding registers, 4 reads input registers."""
    max_silence_s: float = Field(default=900.0, gt=0)
    """An unchanged reading is stored again after this time, to show that the box was alive."""
    counters: tuple[CounterConfig, ...] = Field(min_length=1)
    """The counters of the box, one table each."""

    @model_validator(mode="after")
    def _tags_name_one_counter_each(self) -> "CounterBoxConfig":
        tags = [counter.tag for counter in self.counters]
        doubled = sorted({tag for tag in tags if tags.count(tag) > 1})
        if doubled:
            raise ValueError(f"tag {doubled[0]!r} names more than one counter")
        return self

    @model_validator(mode="after")
    def _no_counter_turns_over_unseen(self) -> "CounterBoxConfig":
        for counter in self.counters:
            if self.poll_s > counter.longest_poll_s:
                told = "" if counter.max_rate_per_s else ", taken for want of max_rate_per_s"
                rate = counter.max_rate_per_s or _ASSUMED_RATE_PER_S
                raise ValueError(
                    f"poll_s {self.poll_s:g} is too long for counter {counter.tag!r}: at "
                    f"{rate:g} pieces a second{told} it turns over after {counter.steps_to_wrap} "
                    f"steps, and a turn could pass unseen. Poll every "
                    f"{counter.longest_poll_s:.3g} s or more often, or use a wider register"
                )
        return self

    @property
    def known_as(self) -> str:
        return self.serial or self.name

    @property
    def line_tags(self) -> tuple[str, ...]:
        """The counters of this device, for those who name them by tag alone."""
        return tuple(counter.tag for counter in self.counters)


class ModbusCounterConfig(CounterBoxConfig):
    host: str
    """IP address or name of the box, or of the Modbus gateway before it."""
    port: int = Field(default=502, ge=1, le=65535)
    """TCP port of the box."""
    framing: Literal["tcp", "rtu"] = "tcp"
    """"rtu" for a serial converter that passes the bytes of the line through as they are."""

    @model_validator(mode="after")
    def _rtu_has_fewer_units(self) -> "ModbusCounterConfig":
        if self.framing == "rtu":
            _check_rtu_units(self.counters)
        return self


class ModbusRtuConfig(CounterBoxConfig):
    port: str = Field(min_length=1)
    """Path of the serial port; best under /dev/serial/by-id, which survives replugging. Several
    devices may name the same port: they take turns on its line."""
    baud: int = Field(default=9600, ge=300, le=4_000_000)
    """Speed of the line, the same for all its units."""
    parity: Parity = "none"
    """As all units of the line have it. The standard asks for even, most boxes come with none."""
    stop_bits: Literal[1, 2] = 1
    """1, or 2."""
    timeout_s: float = Field(default=1.0, gt=0)
    """For one answer. While a unit is silent nobody else on the line can be asked."""

    @model_validator(mode="after")
    def _rtu_has_fewer_units(self) -> "ModbusRtuConfig":
        _check_rtu_units(self.counters)
        return self


def _check_rtu_units(counters: tuple[CounterConfig, ...]) -> None:
    for counter in counters:
        if not 1 <= counter.unit <= _LAST_RTU_UNIT:
            raise ValueError(
                f"unit {counter.unit} of counter {counter.tag!r} is none on a serial line: they "
                f"are 1 to {_LAST_RTU_UNIT}"
            )
