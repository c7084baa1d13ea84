"""`make pictures`: the pictures of the report in the documents, from rehearsals in a browser."""

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from ops.page import gather, page, with_costs
from rehearsal.assembly import find_stack, synthesise
from rehearsal.page import write_page
from rehearsal.shop import DAY, HOUR, TODAY, Shop, open_shop
from rehearsal.weekly_files import weekly_files
from tools.generate import ROOT

PICTURES = ROOT / "docs" / "pictures"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WIDTH, HEIGHT = 1000, 900


def main() -> int:
    """Rehearse a complete, a failed and a superseded refresh; photograph the page of each."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print("no Chromium on this machine: apt-get install chromium", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        stack = find_stack(synthesise(Path(folder) / "cdk.out"), "prod")
        files = weekly_files(Path(folder), TODAY, [], [])
        with open_shop(stack, files) as shop:
            pages = {
                "complete": _complete(shop, Path(folder)),
                "failed": _failed(shop),
                "superseded": _superseded(shop),
            }
        _photograph(browser, pages, Path(folder))
    return 0


def _complete(shop: Shop, folder: Path) -> str:
    shop.succeed()
    shop.settle()
    shop.new_day()
    shop.deliver()
    shop.settle()
    path = folder / "complete.html"
    write_page(shop, shop.result(), path)
    return path.read_text("utf-8")


def _failed(shop: Shop) -> str:
    shop.new_day()
    reason = "Dataset has fewer than 1000 interactions after filtering; please import more data."
    shop.behaviour.planned_failures = {"solution-version": [reason]}
    shop.succeed()
    shop.settle()
    return _page(shop, shop.rows()[-1]["execution_arn"])


def _superseded(shop: Shop) -> str:
    shop.new_day()
    shop.behaviour.training_seconds = 30 * HOUR
    shop.succeed()
    shop.later(HOUR)
    slow: str = max(shop.rows(), key=lambda row: row["base_date"])["execution_arn"]
    shop.behaviour.training_seconds = HOUR
    shop.later(DAY)
    shop.succeed(f"jr_{'e' * 64}")
    shop.settle()
    return _page(shop, slow)


def _page(shop: Shop, arn: str) -> str:
    now = shop.cloud.clock.now()
    return page(with_costs(gather(shop.cloud.client, arn, shop.outputs["TableName"], now)))


def _photograph(browser: str, pages: dict[str, str], folder: Path) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=ARGUMENTS)
        for name, text in pages.items():
            source = folder / f"{name}.html"
            source.write_text(text, encoding="utf-8")
            opened = chromium.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            opened.goto(source.as_uri())
            picture = PICTURES / f"report-{name}.png"
            opened.screenshot(path=picture)
            print(f"{picture.relative_to(ROOT)}: {picture.stat().st_size // 1024} KB")
        chromium.close()


if __name__ == "__main__":
    sys.exit(main())
