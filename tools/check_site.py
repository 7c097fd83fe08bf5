"""Opens every page of the built site on a narrow screen, in headless Chromium.

No page may be wider than the screen, ask anything of another machine, miss a file, or report an
error. `--shots` takes pictures of some pages, wide and narrow, light and dark.

    pip install selenium
    python tools/check_site.py --shots build/shots
"""

import argparse
import base64
import json
import sys
import urllib.parse
from pathlib import Path

from browsing import SITE, browser, served

NARROW, WIDE, HEIGHT = 390, 1300, 900
TALLEST = 3000  # of a picture, in pixels
SHOWN = [".", "mixers", "mixers/cutmix", "mixers/spec-mix", "guides/choose-a-mixer",
         "faq/training", "migrate/keras-cv", "tutorials/01_two_lines", "study",
         "api/layers/CutMix"]  # fmt: skip


def main():
    """Prints what is wrong with each page, and exits with 1 if anything is."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pages", nargs="*", help="only these, such as mixers/cutmix")
    parser.add_argument("--shots", type=Path, default=None, help="folder for pictures")
    given = parser.parse_args()
    pages = sorted(path.parent.relative_to(SITE).as_posix() for path in SITE.rglob("index.html"))
    if given.pages is not None:
        pages = [page for page in pages if page in given.pages]
    faults = 0
    with served() as address, browser() as opened:
        resize(opened, NARROW)
        for page in pages:
            for fault in faults_of(opened, urllib.parse.urljoin(address, f"{page}/"), address):
                faults += 1
                print(f"{page}: {fault}", flush=True)
        for page in given.pages or SHOWN if given.shots else ():
            shoot(opened, address, page, given.shots)
    print(f"{len(pages)} pages, {faults} faults")
    sys.exit(bool(faults))


def resize(opened, width):
    """Gives the browser a screen of this width."""
    metrics = {"width": width, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": width == NARROW}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def faults_of(opened, url, address):
    """Yields what is wrong with one page."""
    opened.get_log("performance")
    opened.get(url)
    width = opened.execute_script("return document.documentElement.scrollWidth")
    if width > NARROW:
        yield f"{width} pixels wide"
    for row in opened.get_log("browser"):
        if "favicon.ico" not in row["message"]:  # asked for pages that name no icon
            yield row["message"]
    for asked in requests(opened):
        if not asked.startswith((address, "data:", "blob:", "chrome:")):
            yield f"asks {asked}"


def requests(opened):
    """Yields the addresses that the browser has asked since the log was last read."""
    for row in opened.get_log("performance"):
        message = json.loads(row["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            yield message["params"]["request"]["url"]


def shoot(opened, address, page, folder):
    """Takes pictures of a page."""
    folder.mkdir(parents=True, exist_ok=True)
    for scheme in ("light", "dark"):
        feature = {"name": "prefers-color-scheme", "value": scheme}
        opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        opened.execute_script("localStorage.clear()")  # which keeps the colors of the last page
        for width in (WIDE, NARROW):
            resize(opened, width)
            opened.get(urllib.parse.urljoin(address, f"{page}/"))
            opened.execute_async_script("setTimeout(arguments[0], 1500)")
            tall = opened.execute_script("return document.documentElement.scrollHeight")
            clip = {"x": 0, "y": 0, "width": width, "height": min(tall, TALLEST), "scale": 1}
            options = {"captureBeyondViewport": True, "clip": clip}
            picture = opened.execute_cdp_cmd("Page.captureScreenshot", options)
            name = f"{page.replace('/', '-').replace('.', 'home')}-{width}-{scheme}.png"
            (folder / name).write_bytes(base64.b64decode(picture["data"]))


if __name__ == "__main__":
    main()
