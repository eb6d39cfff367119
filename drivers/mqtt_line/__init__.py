"""Piece and reject counts as JSON over MQTT (kind `mqtt-line`)."""

from drivers.mqtt_line.config import FieldsConfig, MqttLineConfig, TopicConfig
from drivers.mqtt_line.driver import MqttLineDriver

__all__ = ["FieldsConfig", "MqttLineConfig", "MqttLineDriver", "TopicConfig"]
