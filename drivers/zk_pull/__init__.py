"""ZK terminals that hold a log and are asked for it over TCP or UDP."""

from drivers.zk_pull.config import ZkPullConfig
from drivers.zk_pull.driver import ZkPullDriver

__all__ = ["ZkPullConfig", "ZkPullDriver"]
