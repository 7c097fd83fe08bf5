"""The local page: a server for the one who started it.

It listens on the loopback interface alone. Every address begins with a random token, so that other
users and pages that guess the port get nothing; the header `Host` must name the loopback, so that
no name that an attacker has pointed here (DNS rebinding) reaches it; and what the page may load is
limited to its own answers.
"""

import hmac
import json
import os
import secrets
import threading
import urllib.parse
from http import HTTPStatus
from http.client import HTTP_PORT
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from keras_mix.plot._explorer import page

LOOPBACK = "127.0.0.1"
NAMES = (LOOPBACK, "localhost")
# Longer queries than any state's are refused before they are read.
LONGEST_QUERY = 2000


def hosts(port):
    """What a browser sends as `Host` to a server on a port of this machine."""
    named = [f"{name}:{port}" for name in NAMES]
    # Browsers leave out the port of their scheme.
    return [*named, *NAMES] if port == HTTP_PORT else named


class Server(ThreadingHTTPServer):
    """Serves the page of a scene.

    Args:
        scene: A `Scene`.
        title: String, what the batch is.
        port: Integer. Port to listen on; 0 for any that is free.

    Attributes:
        address: String, the address of the page.
    """

    daemon_threads = True
    # On Windows another process could take over an address that may be reused.
    allow_reuse_address = os.name != "nt"
    allow_reuse_port = False

    def __init__(self, scene, *, title, port=0):
        self.scene, self.title = scene, title
        self.token, self.nonce = secrets.token_urlsafe(24), secrets.token_urlsafe(16)
        # One picture at a time: they are made of the same few processors.
        self._drawing = threading.Lock()
        self._described = page.data(scene)
        try:
            super().__init__((LOOPBACK, port), _Handler)
        except OSError as error:
            raise OSError(
                f"the explorer: the port must be free on {LOOPBACK}. Received: port={port} "
                f"({error.strerror}). Leave it out for any that is free."
            ) from error
        self.hosts = hosts(self.server_port)
        self.address = f"http://{LOOPBACK}:{self.server_port}/{self.token}/"

    def page(self):
        """The page."""
        return page.render(
            self.scene, title=self.title, described=self._described, nonce=self.nonce
        )

    def answer(self, query):
        """The answer to a query, as JSON."""
        texts = dict(urllib.parse.parse_qsl(query, strict_parsing=True)) if query else {}
        with self._drawing:
            return json.dumps(page.answer(self.scene, *self.scene.read(texts)))

    def handle_error(self, request, client_address):
        """Keeps silent on connections that a browser has closed."""


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    # An idle connection does not hold a thread for good.
    timeout = 60

    def do_GET(self):
        host = self.headers.get("Host", "")
        path, _, query = self.path.partition("?")
        _, token, *rest = path.split("/", 2) if path.startswith("/") else ("", "")
        named = any(hmac.compare_digest(host.encode(), each.encode()) for each in self.server.hosts)
        known = hmac.compare_digest(token.encode(), self.server.token.encode())
        if not (named and known):
            self._send(HTTPStatus.FORBIDDEN, "This address is not that of the explorer.")
        elif rest == [""]:
            self._send(HTTPStatus.OK, self.server.page(), "text/html")
        elif rest == ["scene"]:
            self._picture(query)
        else:
            self._send(HTTPStatus.NOT_FOUND, "The explorer has no such page.")

    def _picture(self, query):
        if len(query) > LONGEST_QUERY:
            return self._send(
                HTTPStatus.REQUEST_URI_TOO_LONG,
                f"A query must have at most {LONGEST_QUERY} characters. Received: {len(query)}.",
            )
        try:
            found = self.server.answer(query)
        except ValueError as error:
            return self._send(HTTPStatus.BAD_REQUEST, str(error))
        return self._send(HTTPStatus.OK, found, "application/json")

    def _send(self, status, text, kind="text/plain"):
        content = text.encode("utf-8", "backslashreplace")
        self.send_response(status)
        nonce = f"'nonce-{self.server.nonce}'"
        headers = {
            "Content-Type": f"{kind}; charset=utf-8",
            "Content-Length": str(len(content)),
            "Content-Security-Policy": (
                f"default-src 'none'; img-src data:; style-src {nonce}; script-src {nonce}; "
                "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
            ),
            "Cache-Control": "no-store",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def version_string(self):
        return "keras-mix"

    def log_message(self, format, *args):
        """Writes no line for each request."""
