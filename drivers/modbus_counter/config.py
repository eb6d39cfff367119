"""What the site file says about a Modbus counter box."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from drivers.contract import DeviceConfig
from protocols.modbus.pdu import ADDRESS_SPACE
from protocols.modbus.registers import WordOrder

_WORD_BITS = 16
_Address = Annotated[int, Field(ge=0, lt=ADDRESS_SPACE)]


class CounterConfig(BaseModel):
    """One counter: which registers of which unit hold what. Addresses count from 0.

    Modbus describes none of this; take it from the box's register list and check one reading
    against its display.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    unit: int = Field(ge=0, le=255)
    """Modbus unit number (slave address), 0 to 255."""
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
    width: Literal[16, 32] = 32
    """Bits of pieces, rejects and (unless it says otherwise) badge."""
    badge_width: Literal[16, 32] | None = None
    """Bits of badge, where they are not those of pieces."""
    word_order: WordOrder = "big"
    """Of 32 bits: "big" has the high word in the lower register, "little" the low one."""

    @property
    def fields(self) -> dict[str, range]:
        """The registers of each value that is configured."""
        places = {
            "pieces": (self.pieces, self.width),
            "rejects": (self.rejects, self.width),
            "badge": (self.badge, self.badge_width or self.width),
            "boot": (self.boot, _WORD_BITS),
        }
        return {
            name: range(address, address + bits // _WORD_BITS)
            for name, (address, bits) in places.items()
            if address is not None
        }

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


class ModbusCounterConfig(DeviceConfig):
    host: str
    """IP address or name of the box, or of the Modbus gateway before it."""
    port: int = Field(default=502, ge=1, le=65535)
    """TCP port of the box."""
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
    def _tags_name_one_counter_each(self) -> "ModbusCounterConfig":
        tags = [counter.tag for counter in self.counters]
        doubled = sorted({tag for tag in tags if tags.count(tag) > 1})
        if doubled:
            raise ValueError(f"tag {doubled[0]!r} names more than one counter")
        return self

    @property
    def known_as(self) -> str:
        return self.serial or self.name
