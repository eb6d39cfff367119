"""What an address means for trust."""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Whether bytes to `host` never leave this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
