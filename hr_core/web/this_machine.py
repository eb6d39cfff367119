"""Who may read while there is no login: a browser on this machine, and no other site through it.

The Host header is checked too, because a web page elsewhere can point its own name at 127.0.0.1
(DNS rebinding) and would then read every payslip through the visitor's browser.
"""

from ipaddress import ip_address

from starlette.requests import Request


def asks_from_here(request: Request) -> bool:
    client = request.client.host if request.client is not None else ""
    return _is_loopback(client) and _is_loopback(request.url.hostname or "")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
