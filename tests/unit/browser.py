"""Chromium without a window, by the protocol of chromedriver: for the tests of the page."""

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request

__all__ = ["FOUND", "Browser"]

FOUND = bool(shutil.which("chromium") and shutil.which("chromedriver"))
_OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--window-size=1400,1000",
)  # fmt: skip


class Browser:
    """One window; `width` and `height` make it a telephone's."""

    def __init__(self, folder, *, port, width=None, height=None):
        chrome = {"args": [*_OPTIONS, f"--user-data-dir={folder}"], "perfLoggingPrefs": {"enableNetwork": True}}
        if width:
            metrics = {"width": width, "height": height, "pixelRatio": 1, "touch": True}
            chrome["mobileEmulation"] = {"deviceMetrics": metrics}
        wanted = {"browserName": "chrome", "goog:chromeOptions": chrome, "goog:loggingPrefs": {"performance": "ALL"}}
        self._driver = subprocess.Popen(["chromedriver", f"--port={port}", "--silent"])
        self._url = f"http://127.0.0.1:{port}/session"
        self._url += "/" + self._call("POST", "", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]

    def _call(self, method, place, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + place, data, {"Content-Type": "application/json"}, method=method)
        for _ in range(100):
            try:
                return json.load(urllib.request.urlopen(request, timeout=60))["value"]
            except urllib.error.HTTPError as error:
                raise AssertionError(error.read().decode()[:500]) from None
            except urllib.error.URLError:  # not listening yet
                time.sleep(0.1)
        raise AssertionError("chromedriver does not answer")

    def open(self, path):
        self._call("POST", "/url", {"url": path.resolve().as_uri()})

    def script(self, text):
        return self._call("POST", "/execute/sync", {"script": text, "args": []})

    def requests(self):
        """Addresses asked for so far, but those of Chromium's own pages."""
        events = [
            json.loads(entry["message"])["message"] for entry in self._call("POST", "/se/log", {"type": "performance"})
        ]
        sent = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
        return [address for address in sent if not address.startswith("chrome:")]

    def close(self):
        self._call("DELETE", "")
        self._driver.terminate()
        self._driver.wait()
