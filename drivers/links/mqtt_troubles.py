"""What can go wrong between a broker and us, with its remedy."""

import errno
import socket
import ssl
from typing import Final

from paho.mqtt.reasoncodes import ReasonCode

from drivers.errors import AuthError, BlockedError, DriverError, LinkDownError
from drivers.links.mqtt_place import BrokerPlace

_REFUSALS: Final = frozenset({0x86, 0x87, 0x8A, 0x8C})  # password, not authorised, banned, method


def cannot_open(where: str, exc: OSError) -> DriverError:
    if isinstance(exc, ssl.SSLCertVerificationError):
        return BlockedError(
            f"the broker's certificate is not trusted ({exc.verify_message})",
            where=where,
            remedy="Write the CA that signed it into `ca_file`, and the name it stands for in `url`",
            code="tls_untrusted",
        )
    if isinstance(exc, socket.gaierror):
        what, remedy, code = (
            f"the name cannot be resolved ({exc.strerror})",
            "Write the broker's IP address, or check the gateway's DNS",
            "link_name",
        )
    elif exc.errno == errno.ECONNREFUSED:
        what, remedy, code = (
            "connection refused",
            "The host is up but no broker listens there: check the port, and that it runs",
            "link_refused",
        )
    else:
        what, remedy, code = (
            f"cannot connect ({exc.strerror or exc})",
            "Check the address in the site file and the route from this gateway",
            "link_unreachable",
        )
    return LinkDownError(what, where=where, remedy=remedy, code=code)


def refused(where: str, reason: ReasonCode) -> DriverError:
    if reason.value in _REFUSALS:
        return AuthError(
            f"the broker does not let us in ({reason})",
            where=where,
            remedy="Check user and password in the site file, and the broker's list of users",
            code="broker_refused",
        )
    return LinkDownError(
        f"the broker cannot take us now ({reason})",
        where=where,
        remedy="It is tried again by itself; look into the broker's log if it repeats",
        code="broker_busy",
    )


def taken_over(place: BrokerPlace) -> LinkDownError:
    return LinkDownError(
        f'another client has connected as "{place.client_id}", and the broker keeps only the last',
        where=place.where,
        remedy="Give each gateway a `client_id` of its own; while two share one, each gets only a "
        "part of the counts",
        code="session_taken_over",
    )


def taken_over_again(place: BrokerPlace) -> LinkDownError:
    return LinkDownError(
        f'the broker lets "{place.client_id}" in and hangs up, three times within two minutes: most '
        "often another client has the same name",
        where=place.where,
        remedy="Give each gateway a `client_id` of its own; else look into the broker's log why",
        code="session_taken_over",
    )


def wrong_version(where: str) -> BlockedError:
    return BlockedError(
        "the broker does not speak MQTT 5",
        where=where,
        remedy='Write `mqtt_version = "auto"` or "3.1.1" in the site file',
        code="broker_version",
    )


def lost(where: str, why: str) -> LinkDownError:
    return LinkDownError(
        f"connection lost ({why})",
        where=where,
        remedy="It is tried again by itself; if it repeats, look into the broker's log, and for "
        "another client with the same client id",
        code="link_lost",
    )


def closed_by_us(where: str) -> LinkDownError:
    return LinkDownError(
        "the connection was closed", where=where, remedy="It is opened again when needed",
        code="link_closed",
    )  # fmt: skip
