"""Sparkplug B edge nodes, heard as a host application (kind `sparkplug-host`)."""

from drivers.sparkplug_host.config import MetricConfig, SparkplugHostConfig
from drivers.sparkplug_host.driver import SparkplugHostDriver

__all__ = ["MetricConfig", "SparkplugHostConfig", "SparkplugHostDriver"]
