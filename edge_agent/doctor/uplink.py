"""The way to the core: its address and its answer."""

import ssl
from collections.abc import Iterator

import httpx

from edge_agent.config.models import SiteConfig
from edge_agent.doctor.findings import Code, Finding, bad, good, warn
from edge_agent.enrolment.trust import open_tls
from edge_agent.errors import CommandError

ANSWER_S = 5.0


def check_uplink(site: SiteConfig) -> Iterator[Finding]:
    """Tries the core as a stranger: any answer proves that it is there."""
    if site.uplink is None:
        yield warn(
            Code.NO_UPLINK,
            "site file",
            "no core is configured, so records stay on this gateway",
            'Add [uplink] with url = "https://…", then edge-agent enroll',
        )
        return
    try:
        yield check_answer(site.uplink.url, open_tls(site))
    except CommandError as error:
        yield bad(Code.CERTIFICATE, error.where, error.what, error.remedy)


def check_answer(url: str, tls: ssl.SSLContext) -> Finding:
    try:
        answer = httpx.head(url, timeout=ANSWER_S, verify=tls)
    except httpx.TimeoutException:
        return bad(
            Code.UPLINK_UNREACHABLE,
            url,
            f"no answer within {ANSWER_S:g} s",
            "Check this gateway's network and the firewall in between; records are kept here",
        )
    except (httpx.TransportError, httpx.InvalidURL) as exc:
        return bad(
            Code.UPLINK_UNREACHABLE,
            url,
            f"cannot be reached ({exc})",
            "Check the address, the core and its certificate; records are kept here meanwhile",
        )
    if answer.is_server_error:
        return warn(
            Code.UPLINK_FAILING,
            url,
            f"answers, but with an error of its own (HTTP {answer.status_code})",
            "Look into the core's log; records are kept here meanwhile",
        )
    return good(Code.UPLINK_UNREACHABLE, url, f"answers (HTTP {answer.status_code})")
