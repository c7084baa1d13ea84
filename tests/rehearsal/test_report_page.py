"""The report of a refresh, opened in a real browser: complete, failed and superseded runs."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ops.__main__ import main
from rehearsal.shop import DAY, HOUR, Shop
from tests.rehearsal.conftest import OpenShop
from tests.rehearsal.ops_commands import refusal

CAMPAIGN = "brandi-hrnn-campaign-v2"
HERE = ("--environment", "prod")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
HOSTILE = '<script>alert("x")</script> "가나다" 😀 & ' + "long" * 200


class Opened(NamedTuple):
    text: str
    overflow: int
    said: list[str]
    scripts: int


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("CI needs a browser: apt-get install chromium")
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only where there is a browser

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield chromium
        chromium.close()


def opened(browser: Any, path: Path, width: int, scheme: str) -> Opened:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None if request.url.startswith(("file:", "data:")) else said.append(request.url)
        ),
    )
    page.goto(path.as_uri())
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    result = Opened(
        page.inner_text("body"),
        page.evaluate(wide),
        said + [url for url in asked if not url.startswith(("file:", "data:"))],
        page.evaluate("document.scripts.length"),
    )
    page.close()
    return result


def report(folder: Path, whose: str, *more: str) -> Path:
    path = folder / "report.html"
    assert main(["report", whose, "--output", str(path), *more, *HERE]) == 0
    return path


def look(browser: Any, path: Path) -> str:
    """Open a page as a desktop, a phone, in the light and in the dark; return its text."""
    texts = set()
    for width in (1280, 400):
        for scheme in ("light", "dark"):
            seen = opened(browser, path, width, scheme)
            assert (seen.overflow, seen.said, seen.scripts) == (0, [], 0), (width, scheme)
            texts.add(" ".join(seen.text.split()))
    (text,) = texts
    return text


@pytest.fixture
def shop(open_shop: OpenShop) -> Shop:
    return open_shop("prod")


def test_a_complete_refresh(shop: Shop, browser: Any, tmp_path: Path) -> None:
    shop.succeed()
    shop.settle()
    shop.new_day()
    shop.succeed()
    shop.settle()
    text = look(browser, report(tmp_path, CAMPAIGN))
    for words in (
        "COMPLETE",
        CAMPAIGN,
        "Wait for training × 21",
        "precision_at_10",
        "Estimated cost",
        "Training hours",
        "Move campaign",
    ):
        assert words in text
    assert text.count(" COMPLETE ") >= 2  # this run and one before it in the time line
    assert "not reached" not in text


def test_a_failed_refresh_shows_the_reason_whatever_it_contains(
    shop: Shop, browser: Any, tmp_path: Path
) -> None:
    shop.behaviour.planned_failures = {"solution-version": [HOSTILE]}
    shop.succeed()
    shop.settle()
    text = look(browser, report(tmp_path, CAMPAIGN))
    assert '<script>alert("x")</script> "가나다" 😀 & long' in text
    assert "Next: python -m ops retry" in text
    assert "not reached" in text  # the campaign's update
    assert "What failed on the way" in text


def test_a_superseded_refresh(shop: Shop, browser: Any, tmp_path: Path) -> None:
    shop.behaviour.training_seconds = 30 * HOUR
    shop.succeed()
    shop.later(HOUR)
    slow = shop.rows()[0]["execution_arn"].rsplit(":", 1)[-1]
    shop.behaviour.training_seconds = HOUR
    shop.later(DAY)
    shop.succeed(f"jr_{'e' * 64}")
    shop.settle()
    text = look(browser, report(tmp_path, slow))
    assert "SUPERSEDED" in text


def test_a_running_refresh_can_be_reported(shop: Shop, browser: Any, tmp_path: Path) -> None:
    shop.succeed()
    shop.later(HOUR / 4)
    assert "RUNNING" in look(browser, report(tmp_path, CAMPAIGN))
    shop.settle()


def test_only_refreshes_have_a_report(
    shop: Shop, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    dispatch = shop.ask(refresh="none")["executionArn"]
    assert "is not of the refresh workflow" in refusal(capsys, "report", dispatch, *HERE)
    shop.succeed()
    shop.settle()
    there = str(tmp_path / "nowhere" / "report.html")
    assert "cannot be written" in refusal(capsys, "report", CAMPAIGN, "-o", there, *HERE)
