"""Piece and reject counters over Modbus TCP (kind `modbus-counter`)."""

from drivers.modbus_counter.config import CounterConfig, ModbusCounterConfig
from drivers.modbus_counter.driver import ModbusCounterDriver

__all__ = ["CounterConfig", "ModbusCounterConfig", "ModbusCounterDriver"]
