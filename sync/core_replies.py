"""What a core answered, whichever way it came: believed only when signed, sorted by blame."""

from collections.abc import Callable, Mapping
from http import HTTPStatus

import msgspec

from protocols.batch_chain import ChainHead
from protocols.column_batch import COLUMNS_TYPE
from protocols.core_signature import (
    SIGNATURE_HEADER,
    check_batch_answer,
    check_request_answer,
    decode_named_head,
    decode_refused_head,
)
from protocols.errors import ProtocolError
from protocols.signed_request import SignedRequest
from protocols.uplink import Answer, decode_answer
from sync.errors import (
    ChainForkError,
    ChainGapError,
    CoreBusyError,
    CoreRefusedError,
    CoreUnreachableError,
    FormRefusedError,
    RubbishAnswerError,
    UplinkError,
)
from sync.sealing import SealedBatch

# 5,000 verdicts with a code and a sentence each are about 1.5 MB; a page of a captive portal or a
# peer gone mad must not fill a small box's memory.
MAX_ANSWER_BYTES = 4 * 1024 * 1024
MAX_ERROR_BYTES = 64 * 1024  # an error object is under 1 kB, a proxy's error page a few
TAKEN = frozenset({HTTPStatus.OK, HTTPStatus.ACCEPTED})
_SAID_CHARS = 300  # of the core's own words in our message
# msgspec reports bad UTF-8 and bottomless nesting in Python's own words.
_NO_ERROR_OBJECT = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Reply(msgspec.Struct, frozen=True):
    """What came back; `headers` in lower case. `content` is None when it was over its cap."""

    status: int
    headers: Mapping[str, str]
    content: bytes | None


class ReplyReader:
    """`where` names the core in errors; `carrier` is what gives the status: HTTP or MQTT."""

    def __init__(self, core_public: bytes, *, where: str, carrier: str) -> None:
        self._core = core_public
        self._where = where
        self._carrier = carrier

    def receipt(self, sealed: SealedBatch, reply: Reply) -> bytes:
        """What our core says to `sealed`: its verdicts, or (202) that it has stored the batch.

        Raises UplinkError.
        """
        if reply.status == HTTPStatus.CONFLICT:
            raise self._conflict(sealed, reply)
        content = self._content(reply, sealed)
        self._check(
            reply, lambda said: check_batch_answer(self._core, sealed.signed, content, said)
        )
        return content

    def verdicts(self, sealed: SealedBatch, content: bytes) -> Answer:
        """Raises RubbishAnswerError unless every record of `sealed` is judged."""
        try:
            return decode_answer(content, sealed.batch)
        except ProtocolError as exc:
            raise self.rubbish(str(exc)) from exc

    def told(self, request: SignedRequest, reply: Reply) -> bytes:
        """What our core answers to a question. Raises UplinkError."""
        content = self._content(reply)
        self._check(reply, lambda said: check_request_answer(self._core, request, content, said))
        return content

    def chain_head(self, request: SignedRequest, reply: Reply) -> tuple[ChainHead, frozenset[str]]:
        """Our core's last batch, and what forms of a batch it takes. Raises UplinkError."""
        content = self.told(request, reply)
        try:
            answer = decode_named_head(content)
            return answer.chain_head(), frozenset(answer.takes)
        except ProtocolError as exc:
            raise self.rubbish(str(exc)) from exc

    def rubbish(self, what: str) -> RubbishAnswerError:
        return RubbishAnswerError(
            what,
            where=self._where,
            remedy="Check that uplink.url is the core itself: a login page or another server may "
            "answer in its place",
            code="rubbish_answer",
        )

    def _content(self, reply: Reply, sealed: SealedBatch | None = None) -> bytes:
        """Raises UplinkError unless the core did what was asked."""
        if reply.status not in TAKEN:
            raise self._refused(reply, sealed)
        if reply.content is None:
            raise self.rubbish(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
        return reply.content

    def _check(self, reply: Reply, check: Callable[[str], None]) -> None:
        """Raises CoreRefusedError when another core than ours has answered."""
        said = reply.headers.get(SIGNATURE_HEADER)
        if said is None:
            raise self.rubbish("an answer that no core has signed")
        try:
            check(said)
        except ProtocolError as exc:
            raise CoreRefusedError(
                "the answer is not signed by the core that this gateway was enrolled at",
                where=self._where,
                remedy="Check uplink.url; if the core has a new key, enrol this gateway again. "
                "Nothing that it answered was believed",
                code="wrong_core",
            ) from exc

    def _conflict(self, sealed: SealedBatch, reply: Reply) -> UplinkError:
        """The core's chain and ours differ."""
        content = reply.content or b""
        self._check(
            reply, lambda said: check_batch_answer(self._core, sealed.signed, content, said)
        )
        error = _error_of(content)
        what = f"{self._carrier} {reply.status}{_said(error)}"
        if error is None or error.code != "chain_gap":
            return ChainForkError(what, where=self._where, remedy=FORK_REMEDY, code="chain_fork")
        try:
            head = decode_refused_head(content)
        except ProtocolError as exc:
            return self.rubbish(str(exc))
        return ChainGapError(
            what,
            where=self._where,
            remedy="The core was restored from a backup: what it lacks is sent again by itself",
            code="chain_gap",
            head=head,
        )

    def _refused(self, reply: Reply, sealed: SealedBatch | None) -> UplinkError:
        status = reply.status
        error = _error_of(reply.content)
        what = f"{self._carrier} {status}{_said(error)}"
        if status in {429, 503} or (error is not None and error.code == "no_answer"):
            return CoreBusyError(
                what,
                where=self._where,
                remedy="It is tried again by itself when the core asked for it",
                code="core_busy",
                retry_after_s=_retry_after_s(reply.headers),
            )
        if status >= 500 or status == HTTPStatus.REQUEST_TIMEOUT:
            return CoreUnreachableError(
                what,
                where=self._where,
                remedy="It is tried again by itself; if it repeats, read the core's log",
                code=f"http_{status}",
            )
        code, remedy = _REFUSALS.get(status, _OTHER_REFUSAL)
        if error is not None and error.code in _KEY_REFUSALS:
            code, remedy = error.code, _KEY_REFUSALS[error.code]
        columns = sealed is not None and sealed.content_type == COLUMNS_TYPE
        refused = FormRefusedError if columns and status in _FORM_REFUSALS else CoreRefusedError
        return refused(what, where=self._where, remedy=remedy, code=code)


FORK_REMEDY = (
    "Another machine sends in this gateway's name (a cloned SD card?): stop it. If there is none, "
    "this spool is an old copy: stop the agent, move the spool file away, start again; the devices "
    "are read anew and the chain goes on behind the core's last batch"
)
_BATCH_REFUSED = (
    "batch_refused",
    "Gateway and core speak different versions, or a proxy limits the size: update the older one",
)
_ENROL = "Enrol this gateway again: edge-agent enroll with a new token of hr-core token"
# The core's words for what is wrong with who we are.
_KEY_REFUSALS = {
    "unknown_gateway": f"Check uplink.url and the gateway's name. {_ENROL}",
    "key_refused": f"The core does not accept this gateway's key yet. {_ENROL}",
    "key_revoked": "Ask at the core why (hr-core gateways --log). To go on: hr-core token NAME "
    "--again there, edge-agent enroll --force here. Records are kept here",
    "bad_signature": f"Something on the way changes the requests, or the key is another. {_ENROL}",
}
_REFUSALS = {
    401: ("key_refused", _ENROL),
    403: ("key_refused", _ENROL),
    404: ("wrong_address", "There is no core at this address: check uplink.url"),
    413: _BATCH_REFUSED,
    415: _BATCH_REFUSED,
    422: _BATCH_REFUSED,
}
_FORM_REFUSALS = {413, 415, 422}
_OTHER_REFUSAL = ("wrong_address", "Another server answers there: check uplink.url and proxies")


class _ErrorDetail(msgspec.Struct):
    what: str
    code: str = ""


class _ErrorBody(msgspec.Struct):
    error: _ErrorDetail


def _error_of(content: bytes | None) -> _ErrorDetail | None:
    """None when it is not our core that speaks."""
    try:
        return msgspec.json.decode(content or b"", type=_ErrorBody).error
    except _NO_ERROR_OBJECT:
        return None


def _said(error: _ErrorDetail | None) -> str:
    """The core's own words."""
    if error is None:
        return ""
    printable = "".join(character for character in error.what if character.isprintable())
    return f": {printable[:_SAID_CHARS]}"


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds; the date form needs two clocks that agree and is left to the back-off."""
    value = headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdigit() else None
