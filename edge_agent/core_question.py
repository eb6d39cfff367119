"""Asks the core about one event, for `edge-agent trace`. Beside the agent, with its identity."""

from secrets import token_bytes

import httpx

from edge_agent.config.models import SiteConfig
from edge_agent.enrolment.identity import load_identity
from edge_agent.enrolment.trust import open_tls
from edge_agent.errors import CommandError
from edge_agent.spool.errors import SpoolError
from protocols.core_signature import SIGNATURE_HEADER, check_request_answer
from protocols.errors import ProtocolError
from protocols.event_question import EVENT_TARGET, EventPlace, EventQuestion, decode_place, encode
from protocols.signed_request import NONCE_BYTES, sign_request
from sync.errors import UplinkError

ANSWER_S = 5.0
MAX_ANSWER_BYTES = 16 * 1024  # a place is under 300 bytes


def ask_core(site: SiteConfig, event_id: str) -> EventPlace | str:
    """The core's answer, its signature checked; or why there is none, in words. Never raises for
    what network, core or enrolment lack.
    """
    if site.uplink is None:
        return "no core is configured"
    try:
        return _ask(site, site.uplink.url, event_id)
    except (CommandError, UplinkError, SpoolError) as exc:
        return f"this user cannot ask it ({exc.what})"
    except ProtocolError as exc:
        return f"the answer is not this gateway's core's ({exc})"
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as exc:
        return f"it cannot be reached ({str(exc) or type(exc).__name__})"


def _ask(site: SiteConfig, url: str, event_id: str) -> EventPlace | str:
    identity = load_identity(site)
    body = encode(EventQuestion(event_id=event_id))
    nonce = token_bytes(NONCE_BYTES)
    request = sign_request(identity.key, identity.gateway, EVENT_TARGET, nonce=nonce, body=body)
    headers = {
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
        **request.as_headers(),
    }
    method, _, path = EVENT_TARGET.partition(" ")
    content = bytearray()
    with httpx.stream(
        method, url.rstrip("/") + path, content=body, headers=headers, timeout=ANSWER_S,
        verify=open_tls(site),
    ) as answer:  # fmt: skip
        for chunk in answer.iter_raw():
            content += chunk
            if len(content) > MAX_ANSWER_BYTES:
                return "its answer is too long for one"
    if answer.status_code != httpx.codes.OK:
        return f"it answers HTTP {answer.status_code}"
    said = answer.headers.get(SIGNATURE_HEADER, "")
    check_request_answer(identity.core_public, request, bytes(content), said)
    return decode_place(bytes(content))
