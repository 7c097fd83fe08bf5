"""Clicks through the local page of `keras-mix explore` in headless Chromium.

It needs selenium and Chromium with its driver: pip install selenium. It chooses a mixer, moves α,
reads a label, draws again, copies the code, and asserts that no request has left this machine.

    python tools/check_explorer.py --chromium /usr/bin/chromium --shots build/explorer
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.parse
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

LIMIT_S = 60
SIZES = {"wide": (1280, 1000), "narrow": (390, 1400)}


def main():
    """Serve a data set, click through its page, and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--python", default=sys.executable, help="that keras_mix is installed in")
    parser.add_argument("--data", default="digits")
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    parser.add_argument("--driver", default=shutil.which("chromedriver"))
    parser.add_argument("--shots", default=None, help="folder for screenshots")
    args = parser.parse_args()
    command = [args.python, "-m", "keras_mix", "explore", args.data]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        address = server.stdout.readline().strip()
        print("served at", re.sub(r"/[^/]+/$", "/TOKEN/", address))
        with tempfile.TemporaryDirectory() as profile:
            for dark in (False, True):
                browse(args, address, dark, Path(profile) / str(dark))
    finally:
        server.send_signal(signal.SIGINT)
        _, error = server.communicate(timeout=LIMIT_S)
    print("Ctrl-C:", server.returncode, error.strip().splitlines()[-1:])
    assert server.returncode == 130


def browse(args, address, dark, profile):
    """Opens the page in one of its two color schemes; clicks through it in the light one."""
    options = webdriver.ChromeOptions()
    options.binary_location = args.chromium
    for each in ("--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"):
        options.add_argument(each)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    service = webdriver.ChromeService(args.driver, env=os.environ.copy())
    browser = webdriver.Chrome(options=options, service=service)
    try:
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        browser.set_window_size(*SIZES["wide"])
        browser.get("about:blank")
        browser.get_log("performance")  # what the browser's own first page has asked
        browser.get(address)
        page = Page(browser)
        page.settled()
        if not dark:
            click_through(page, address)
            check_requests(browser, address)
        for name, size in SIZES.items():
            browser.execute_cdp_cmd(
                "Emulation.setDeviceMetricsOverride",
                {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False},
            )
            page.settled()
            wide = browser.execute_script("return document.documentElement.scrollWidth")
            assert wide <= size[0], f"{name}: the page is {wide} pixels wide"
            if args.shots:
                Path(args.shots).mkdir(parents=True, exist_ok=True)
                file = Path(args.shots) / f"explorer-{name}-{'dark' if dark else 'light'}.png"
                browser.save_screenshot(str(file))
                print("screenshot", file.name)
    finally:
        browser.quit()


class Page:
    """What a user sees of the page, and does on it."""

    def __init__(self, browser):
        self.browser = browser

    def the(self, name):
        """The element of that id."""
        return self.browser.find_element(By.ID, name)

    def settled(self):
        """Waits until a picture is shown."""
        WebDriverWait(self.browser, LIMIT_S).until(
            lambda _: self.the("cards").get_attribute("aria-busy") == "false"
        )

    def shows(self, code):
        """Waits until the picture is one of that code."""
        WebDriverWait(self.browser, LIMIT_S).until(lambda _: code in self.code())
        self.settled()

    def images(self):
        """The addresses of the mixed images."""
        found = self.browser.find_elements(By.CSS_SELECTOR, ".kmx-mixed > image")
        return [each.get_dom_attribute("href") for each in found]

    def labels(self):
        """The texts of the labels."""
        found = self.browser.find_elements(By.CSS_SELECTOR, ".kmx-label")
        return [" ".join(each.text.split()) for each in found]

    def bars(self):
        """The widths of the parts of each bar."""
        return self.browser.execute_script(
            "return [...document.querySelectorAll('.kmx-bar')].map(bar =>"
            " [...bar.querySelectorAll('rect:not(.kmx-rest)')].map(part =>"
            " Number(part.getAttribute('width'))))"
        )

    def code(self):
        """The code for the picture."""
        return self.the("code").text


def click_through(page, address):
    """Does what a user does, and checks what the user sees."""
    refusal = page.the("refusal")
    assert not refusal.is_displayed(), refusal.text
    before = page.images(), page.labels(), page.code()
    mixer = Select(page.the("mixer"))
    print("mixers:", ", ".join(each.text for each in mixer.options))
    mixer.select_by_visible_text("MixUp")
    page.shows("MixUp(")
    assert page.images() != before[0], "another mixer shows another picture"
    print("MixUp, first label:", page.labels()[0])

    before = page.images(), page.labels(), page.bars()
    alpha = page.the("option-alpha")
    alpha.send_keys(Keys.END)
    page.shows("MixUp(alpha=")
    print("α at its end:", alpha.get_attribute("value"), "| first label:", page.labels()[0])
    assert page.images() != before[0], "α changes the picture"
    assert page.labels() != before[1], "α changes the labels"
    assert page.bars() != before[2], "α moves the bars"
    assert f"MixUp(alpha={float(alpha.get_attribute('value'))!r}" in page.code()
    for widths, text in zip(page.bars(), page.labels(), strict=True):
        written = [float(each) for each in re.findall(r"\b[01]\.\d\d\b", text)]
        shown = [width / 100 for width in widths if width > 0.5]
        assert all(abs(a - b) < 0.006 for a, b in zip(written, shown, strict=True)), text

    before = page.images()
    page.the("again").click()
    page.shows("seed=1)")
    assert page.images() != before, "another seed draws again"

    page.the("beside").click()
    originals = page.browser.find_elements(By.CSS_SELECTOR, ".kmx-original")
    assert all(each.is_displayed() for each in originals)
    print("originals beside:", len(originals))
    page.browser.find_element(By.CSS_SELECTOR, "#more summary").click()
    page.the("option-rate").send_keys(Keys.HOME)
    page.shows("rate=0.0")
    assert page.labels()
    assert all(" 1.00" in each for each in page.labels()), "a rate of 0 mixes nothing"

    origin = f"{urllib.parse.urlsplit(address).scheme}://{urllib.parse.urlsplit(address).netloc}"
    page.browser.execute_cdp_cmd(
        "Browser.grantPermissions",
        {"origin": origin, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]},
    )
    page.the("copy").click()
    WebDriverWait(page.browser, LIMIT_S).until(lambda _: page.the("status").text)
    copied = page.browser.execute_async_script(
        "navigator.clipboard.readText().then(arguments[0], e => arguments[0](String(e)))"
    )
    assert copied == page.code(), copied
    print("copied:", *copied.splitlines(), sep="\n    ")
    reached = page.browser.execute_script(
        "return [...document.querySelectorAll('select, button, input, summary, pre')]"
        ".filter(each => each.checkVisibility())"
        ".map(each => { each.focus(); return document.activeElement === each; })"
    )
    assert all(reached)
    print("controls that the keyboard reaches:", len(reached))
    unnamed = page.browser.execute_script(
        "return [...document.querySelectorAll('select, input')].filter(each =>"
        " !each.labels?.length && !each.getAttribute('aria-label')).map(each => each.id)"
    )
    assert unnamed == [], f"controls without a label: {unnamed}"


def check_requests(browser, address):
    """Asserts that every request went to the server, and that the browser had no complaint."""
    host = urllib.parse.urlsplit(address).netloc
    asked = []
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            asked.append(message["params"]["request"]["url"])
    elsewhere = [
        url
        for url in asked
        if not url.startswith(("data:", "chrome:")) and urllib.parse.urlsplit(url).netloc != host
    ]
    assert elsewhere == [], elsewhere
    sent = sum(not url.startswith("data:") for url in asked)
    print(f"requests: {sent}, all to {host}, all with the token:", all(
        url.startswith(("data:", address)) for url in asked))  # fmt: skip
    complaints = [entry["message"] for entry in browser.get_log("browser")]
    assert complaints == [], complaints


if __name__ == "__main__":
    main()
