"""From the site file to a session with the box."""

import os

from drivers.links.serial_port import open_serial
from drivers.links.tcp import open_tcp
from drivers.modbus_counter.config import CounterBoxConfig, ModbusCounterConfig, ModbusRtuConfig
from drivers.modbus_counter.rtu_session import RtuBus, RtuSession, bus_at
from drivers.modbus_counter.session import Session, TcpSession
from drivers.ports import Link
from protocols.modbus.rtu import silent_interval_s

# The speed of the line behind a serial converter is not ours to know: as of 1,200 baud.
_SILENCE_BEHIND_CONVERTER_S = silent_interval_s(1_200)


class Connector:
    """Opens sessions. Holds the bus, so that devices that share it find each other."""

    def __init__(self, config: CounterBoxConfig) -> None:
        self._config = config
        self._bus: RtuBus | None = None

    @property
    def where(self) -> str:
        match self._config:
            case ModbusCounterConfig(host=host, port=port):
                return f"tcp {host}:{port}"
            case ModbusRtuConfig(port=path):
                return f"serial {path}"
            case _:
                raise TypeError(type(self._config))

    async def open(self) -> Session:
        """Raises DriverError."""
        config = self._config
        if isinstance(config, ModbusCounterConfig) and config.framing == "tcp":
            link = await open_tcp(config.host, config.port, timeout_s=config.timeout_s)
            return TcpSession(link, timeout_s=config.timeout_s)
        bus = self._bus = self._shared_bus()
        return RtuSession(bus, await bus.joined(), timeout_s=config.timeout_s)

    def _shared_bus(self) -> RtuBus:
        match self._config:
            case ModbusRtuConfig(port=path, baud=baud, parity=parity, stop_bits=stop_bits):

                async def open_port() -> Link:
                    return await open_serial(path, baud=baud, parity=parity, stop_bits=stop_bits)

                return bus_at(
                    os.path.realpath(path),  # two names of one port are one line
                    open_port,
                    settings=f"{baud} baud, parity {parity}, {stop_bits} stop bit(s)",
                    silence_s=silent_interval_s(baud),
                )
            case ModbusCounterConfig(host=host, port=port, timeout_s=timeout_s):

                async def connect() -> Link:
                    return await open_tcp(host, port, timeout_s=timeout_s)

                return bus_at(
                    self.where,
                    connect,
                    settings="RTU over TCP",
                    silence_s=_SILENCE_BEHIND_CONVERTER_S,
                )
            case _:
                raise TypeError(type(self._config))
