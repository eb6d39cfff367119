"""Piece and reject counters over Modbus (kinds `modbus-counter` and `modbus-rtu`)."""

from drivers.modbus_counter.config import CounterConfig, ModbusCounterConfig, ModbusRtuConfig
from drivers.modbus_counter.driver import ModbusCounterDriver, ModbusRtuDriver

__all__ = [
    "CounterConfig",
    "ModbusCounterConfig",
    "ModbusCounterDriver",
    "ModbusRtuConfig",
    "ModbusRtuDriver",
]
