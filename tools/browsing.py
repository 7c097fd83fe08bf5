"""The built site, served on this machine and opened in headless Chromium by selenium."""

import contextlib
import functools
import http.server
import os
import shutil
import sys
import tempfile
import threading
from pathlib import Path

from selenium import webdriver

SITE = Path(__file__).parents[1] / "build/docs"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files without a word."""

    def log_message(self, *args):
        """Says nothing."""


@contextlib.contextmanager
def served(folder=SITE):
    """Yields the address of a folder's files while they are served, to this machine only."""
    if not (folder / "index.html").exists():
        sys.exit(f"there is no site in {folder}: run `make docs` first")
    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@contextlib.contextmanager
def browser():
    """Yields a browser that logs its requests; Chromium and its driver are found on the path."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    with tempfile.TemporaryDirectory() as profile:
        for each in (
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={profile}",
        ):
            options.add_argument(each)
        service = webdriver.ChromeService(shutil.which("chromedriver"), env=os.environ.copy())
        opened = webdriver.Chrome(options=options, service=service)
        try:
            yield opened
        finally:
            opened.quit()
