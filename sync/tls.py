"""Trust in the core's certificate. Verification is always on."""

import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

# With 256 bits and forward secrecy alone. Python 3.11 cannot choose suites of TLS 1.3: there 256 bits are
# asked for first, and a server that offers nothing else is given 128.
SUITES_OF_TLS_1_2 = "ECDHE+AESGCM:ECDHE+CHACHA20:!AES128"


class TlsFileError(Exception):
    """A certificate or key file cannot be used; `path` says which."""

    def __init__(self, what: str, path: Path) -> None:
        super().__init__(f"{path}: {what}")
        self.what = what
        self.path = path


def tls_context(
    *, ca_file: Path | None, client_cert: Path | None = None, client_key: Path | None = None
) -> ssl.SSLContext:
    """`ca_file`: trust this CA and no other; None: SSL_CERT_FILE, else the public ones.

    `client_cert` may hold its key as well. Raises TlsFileError.
    """
    import httpx  # noqa: PLC0415 - 10 MiB, which a gateway without a core does not spend

    try:
        context = (
            ssl.create_default_context(cafile=ca_file)
            if ca_file is not None
            else httpx.create_ssl_context()
        )
    except (OSError, ssl.SSLError) as exc:
        wrong = ca_file or Path(ssl.get_default_verify_paths().openssl_cafile)
        raise TlsFileError(f"holds no certificate of a CA ({exc})", wrong) from exc
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(SUITES_OF_TLS_1_2)
    if client_cert is not None:
        try:
            context.load_cert_chain(client_cert, client_key, password=_no_password)
        except (OSError, ssl.SSLError) as exc:
            raise TlsFileError(
                f"is no certificate with its unencrypted key ({exc})", client_cert
            ) from exc
    return context


def _no_password() -> str:
    """Nobody sits at a gateway: OpenSSL must not ask."""
    return ""


class CertificateError(Exception):
    """The server's certificate could not be had, or is not trusted."""


def certificate_end(url: str, context: ssl.SSLContext, *, timeout_s: float = 5.0) -> datetime:
    """Until when the certificate behind an https address is good. Raises CertificateError."""
    parts = urlsplit(url)
    address = (parts.hostname or "", parts.port or 443)
    try:
        with (
            socket.create_connection(address, timeout=timeout_s) as connection,
            context.wrap_socket(connection, server_hostname=address[0]) as secured,
        ):
            certificate = secured.getpeercert() or {}
        return datetime.fromtimestamp(
            ssl.cert_time_to_seconds(str(certificate["notAfter"])), tz=UTC
        )
    except (OSError, KeyError, ValueError) as exc:
        raise CertificateError(f"{url}: {exc}") from exc
