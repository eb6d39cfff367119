"""What [uplink] says about TLS, as a context that always verifies."""

import ssl

from edge_agent.config.models import SiteConfig
from edge_agent.errors import CommandError
from sync.tls import TlsFileError, tls_context


def open_tls(site: SiteConfig) -> ssl.SSLContext:
    """Raises CommandError when a file that [uplink] names cannot be used."""
    uplink = site.uplink
    try:
        if uplink is None:
            return tls_context(ca_file=None)
        return tls_context(
            ca_file=uplink.ca_file, client_cert=uplink.client_cert, client_key=uplink.client_key
        )
    except TlsFileError as error:
        raise CommandError(
            error.what,
            where=str(error.path),
            remedy="Name PEM files in ca_file, client_cert and client_key of [uplink], or in "
            "SSL_CERT_FILE",
            try_command=f"edge-agent config check -c {site.path}",
        ) from error
