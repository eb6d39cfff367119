"""The way to the core: its address, its answer, and the chain that both hold."""

import ssl
from collections.abc import Iterator

import httpx

from edge_agent.config.models import SiteConfig
from edge_agent.doctor.findings import Code, Finding, bad, good, warn
from edge_agent.enrolment.trust import open_tls
from edge_agent.errors import CommandError
from edge_agent.status.agent import Agent

ANSWER_S = 5.0
_PROOF_CODES = {"chain_fork": Code.CHAIN_FORK, "wrong_core": Code.WRONG_CORE}


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
    if site.uplink.over_mqtt:  # a broker has its own checks, doctor.broker
        return
    try:
        yield check_answer(site.uplink.url, open_tls(site))
    except CommandError as error:
        yield bad(Code.CERTIFICATE, error.where, error.what, error.remedy)


def check_chain(agent: Agent) -> Iterator[Finding]:
    """What the running agent has learnt of the core: is it ours, and do both hold the same chain?"""
    uplink = agent.snapshot.get("uplink", {}) if agent.running else {}
    if not uplink:
        return
    error = uplink.get("last_error") or {}
    if error.get("code") in _PROOF_CODES:
        code = _PROOF_CODES[error["code"]]
        yield bad(code, error["where"], error["what"], error["remedy"])
    elif uplink.get("agreed_at"):
        what = f"gateway and core held the same chain at {uplink['agreed_at'][:19]}"
        yield good(Code.CHAIN_FORK, "uplink", what)
    rewind = uplink.get("last_rewind")
    if rewind:
        yield warn(
            Code.CORE_RESTORED,
            "uplink",
            f"at {rewind['at'][:19]} the core had lost what came after batch {rewind['number']}; "
            f"{rewind['rows']} records in {rewind['batches']} batches were sent again",
            "Nothing is lost; look why the core was restored from a backup",
        )


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
