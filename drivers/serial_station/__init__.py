"""What stands at a station and sends lines of text over a serial port: listened to, never asked."""

from drivers.serial_station.config import SerialStationConfig
from drivers.serial_station.station import Heard, SerialStation

__all__ = ["Heard", "SerialStation", "SerialStationConfig"]
