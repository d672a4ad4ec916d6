"""The documentation as a site: all pages in its navigation, built without a warning, no request to a network."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from browser import FOUND, Browser

DOCS = Path(__file__).resolve().parents[2] / "docs"
CONFIG = DOCS / "site" / "mkdocs.yml"


def pages(entry):
    """Files of a part of the navigation."""
    if isinstance(entry, str):
        return [entry]
    parts = entry.values() if isinstance(entry, dict) else entry
    return [page for part in parts for page in pages(part)]


def test_every_page_stands_once_in_the_navigation():
    assert sorted(pages(yaml.safe_load(CONFIG.read_text())["nav"])) == sorted(path.name for path in DOCS.glob("*.md"))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("mkdocs", reason="mkdocs-material is not installed (make install installs it)")
    out = tmp_path_factory.mktemp("site")
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--config-file",
        str(CONFIG),
        "--site-dir",
        str(out),
    ]
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, capture_output=True, text=True, env=env)
    assert built.returncode == 0, built.stderr
    return out


@pytest.mark.skipif(not FOUND, reason="no chromium and chromedriver here")
@pytest.mark.parametrize("width", [1400, 390])
def test_the_site_opens_from_the_disk_alone_and_its_search_finds(site, tmp_path, width):
    browser = Browser(tmp_path, port=9530 + width % 7, width=width, height=900)
    try:
        browser.open(site / "index.html")
        assert browser.script("return document.querySelector('img[src$=\"speaking.webp\"]').naturalWidth") > 0
        assert browser.script("return document.documentElement.scrollWidth") <= width
        browser.script("document.querySelector('#__search').click()")
        search = """
            const box = document.querySelector('.md-search__input');
            box.focus(); box.value = 'lip gap'; box.dispatchEvent(new Event('keyup', {bubbles: true}));
        """
        found = 0
        for _ in range(100):  # the index is read by a worker
            browser.script(search)
            found = browser.script("return document.querySelectorAll('.md-search-result__item').length")
            if found:
                break
            time.sleep(0.1)
        assert found > 0
        assert [address for address in browser.requests() if not address.startswith(("file:", "data:", "blob:"))] == []
    finally:
        browser.close()
