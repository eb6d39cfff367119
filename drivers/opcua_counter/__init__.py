"""Piece and reject counters that an OPC UA server publishes (kind `opcua-counter`, extra `opcua`)."""

from drivers.opcua_counter.config import NodesConfig, OpcuaCounterConfig
from drivers.opcua_counter.driver import OpcuaCounterDriver

__all__ = ["NodesConfig", "OpcuaCounterConfig", "OpcuaCounterDriver"]
