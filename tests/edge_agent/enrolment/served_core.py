"""An hr-core in a process of its own, and a TLS front before it with a throw-away CA."""

import contextlib
import io
import json
import os
import selectors
import socket
import ssl
import subprocess
import sys
import threading

import pytest


class ServedCore:
    def __init__(self, folder):
        self.database = folder / "core.db"
        self._command = [sys.executable, "-m", "hr_core", "--db", str(self.database)]
        self.url = ""
        self.run("init")

    def run(self, *words, code=0):
        """`hr-core WORDS` in this process; the served one is another."""
        from hr_core.cli import main

        found, out, err = _called(lambda: main(["--db", str(self.database), *words]))
        assert found == code, err
        return out

    def token(self, gateway, *words):
        return json.loads(self.run("token", gateway, *words, "--json"))["token"]

    def keys(self, gateway):
        """Public keys in force, and those that are refused, in the order of their dates."""
        from hr_core.cli import main

        words = ["--db", str(self.database), "gateways", "--json"]
        _, out, _ = _called(lambda: main(words))
        for one in json.loads(out)["gateways"]:
            if one["gateway"] == gateway:
                good = [key["public_key"] for key in one["keys"] if key["in_force"]]
                return good, [key["public_key"] for key in one["keys"] if not key["in_force"]]
        return [], []

    @contextlib.contextmanager
    def served(self, port=0):
        with subprocess.Popen(
            [*self._command, "serve", "--port", str(port)], stdout=subprocess.PIPE
        ) as server:
            self.url = f"http://{server.stdout.readline().decode().split()[-1]}"
            try:
                yield self
            finally:
                server.terminate()

    @property
    def port(self):
        return int(self.url.rpartition(":")[2])


def site_file(folder, *, gateway="gw-1", url=None, more=""):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "state").mkdir(exist_ok=True)
    uplink = f'[uplink]\nurl = "{url}"\n{more}' if url else ""
    path = folder / "site.toml"
    path.write_text(
        f'[site]\nname = "plant"\nzone = "UTC"\n'
        f'[gateway]\nname = "{gateway}"\nstate_dir = "state"\n{uplink}'
    )
    return path


def edge(site, *words, code=0, stdin="", env=None):
    """`edge-agent WORDS -c site` in this process: (stdout, stderr)."""
    from edge_agent.cli.app import run

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.StringIO(stdin))
        for name, value in (env or {}).items():
            patch.setenv(name, value)
        found, out, err = _called(lambda: run([*words, "-c", str(site)]))
    assert found == code, (found, out, err)
    return out, err


def edge_process(site, *words, stdin="", env=None):
    """The same as a process of its own: (exit code, stdout, stderr)."""
    done = subprocess.run(
        [sys.executable, "-m", "edge_agent", *words, "-c", str(site)],
        input=stdin, capture_output=True, text=True, check=False, env={**os.environ, **(env or {})},
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout, done.stderr


def _called(function):
    """(what it returns, stdout, stderr); bytes written to stdout's buffer count as well."""
    out, err = (io.TextIOWrapper(io.BytesIO(), write_through=True) for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        found = function()
    return found, *(stream.buffer.getvalue().decode() for stream in (out, err))


class Authority:
    """A CA of our own, made by openssl."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.ca = folder / "ca.pem"
        self._openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=throw-away CA",
        )  # fmt: skip

    def certificate(self, name, *, subject_alt="IP:127.0.0.1", days=30):
        """(certificate, key) files."""
        (self.folder / f"{name}.ext").write_text(f"subjectAltName={subject_alt}\n")
        self._openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}",
        )  # fmt: skip
        self._openssl(
            "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-out", f"{name}.pem", "-days", str(days),
            "-extfile", f"{name}.ext",
        )  # fmt: skip
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"

    def _openssl(self, *words):
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)


@contextlib.contextmanager
def tls_front(certificate, key, behind, *, client_ca=None, host="127.0.0.1"):
    """Ends TLS before the port `behind` on this machine; yields https://HOST:PORT."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if client_ca is not None:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server((host, 0)) as listener:
        stop = threading.Event()
        listener.settimeout(0.1)
        thread = threading.Thread(target=_accept, args=(listener, context, behind, stop))
        thread.start()
        try:
            yield f"https://{host}:{listener.getsockname()[1]}"
        finally:
            stop.set()
            thread.join()


def _accept(listener, context, behind, stop):
    workers = []
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            connection, _ = listener.accept()
            worker = threading.Thread(target=_forward, args=(connection, context, behind, stop))
            worker.start()
            workers.append(worker)
    for worker in workers:
        worker.join()


def _forward(connection, context, behind, stop):
    connection.settimeout(5)
    with (
        contextlib.suppress(OSError),
        connection,
        context.wrap_socket(connection, server_side=True) as outer,
        socket.create_connection(("127.0.0.1", behind)) as inner,
        selectors.DefaultSelector() as selector,
    ):
        selector.register(outer, selectors.EVENT_READ, inner)
        selector.register(inner, selectors.EVENT_READ, outer)
        while not stop.is_set():
            for ready, _ in selector.select(0.1):
                data = ready.fileobj.recv(65_536)
                if not data:
                    return
                ready.data.sendall(data)
