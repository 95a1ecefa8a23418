"""The page in a real browser: it renders without errors, requests or scripts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver

from rnnbench.records.result import RecordedCitation
from rnnbench.report.write import write_report
from tests.support.factory import learning, record, study

BROWSER = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
DRIVER = shutil.which("chromedriver")
INJECTION = (
    "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    "'\"></style></title>"
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        BROWSER is None or DRIVER is None, reason="no Chromium with its chromedriver is installed"
    ),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    """A headless Chromium that logs its console and its network."""
    assert BROWSER is not None
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--window-size=1280,1000",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(
        options=options, service=webdriver.ChromeService(executable_path=DRIVER)
    )
    yield driver
    driver.quit()


def _open(browser: webdriver.Chrome, page: Path) -> tuple[list[Any], list[str]]:
    """Open a page; return the console messages and the requested addresses."""
    for kind in ("browser", "performance"):
        browser.get_log(kind)  # type: ignore[no-untyped-call]
    browser.get(page.as_uri())
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]  # type: ignore[no-untyped-call]
    asked = [
        m["params"]["request"]["url"]
        for m in messages
        if m["method"] == "Network.requestWillBeSent"
    ]
    return browser.get_log("browser"), asked  # type: ignore[no-untyped-call]


def test_the_page_renders_without_errors_or_requests(
    browser: webdriver.Chrome, tmp_path: Path
) -> None:
    page = write_report(
        study(tasks=["sine-forecasting"], models=["lstm", "bilstm"], seeds=2), tmp_path / "report"
    )
    console, asked = _open(browser, page)
    assert console == []
    assert [address for address in asked if not address.startswith("data:")] == [page.as_uri()]
    images = browser.execute_script(
        "return [...document.images].map(i => [i.complete, i.naturalWidth, i.alt.length])"
    )
    assert len(images) >= 6
    assert all(complete and width > 100 and described for complete, width, described in images)
    assert browser.execute_script(
        "return document.documentElement.scrollWidth <= window.innerWidth"
    )


def test_every_link_within_the_page_leads_somewhere(
    browser: webdriver.Chrome, tmp_path: Path
) -> None:
    page = write_report(
        [record(slope=None, ratio=None, task=task) for task in ("a", "b")], tmp_path / "report"
    )
    _open(browser, page)
    broken = browser.execute_script(
        "return [...document.querySelectorAll('a[href^=\"#\"]')]"
        ".filter(a => !document.querySelector(a.hash)).length"
    )
    assert broken == 0


def test_injected_script_does_not_run(browser: webdriver.Chrome, tmp_path: Path) -> None:
    cited = (
        RecordedCitation(
            of="lstm", key=INJECTION, title=INJECTION, url="javascript:document.title='owned'"
        ),
    )
    hostile = record(
        learned=learning(0.5, extra_scores={INJECTION: 1.0}, simple_scores={INJECTION: 0.3}),
        citations=cited,
        slope=None,
        ratio=None,
        model_options={"path": INJECTION},
        task_options={"path": INJECTION},
        command=INJECTION,
    )
    page = write_report([hostile], tmp_path / "report", title=f"Report {INJECTION}")
    console, asked = _open(browser, page)
    assert browser.title.startswith("Report <img"), "shown as text"
    assert console == []
    assert [address for address in asked if not address.startswith("data:")] == [page.as_uri()]
    assert browser.execute_script("return document.scripts.length") == 0
