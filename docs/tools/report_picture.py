"""The picture of the report on its page: its results, and a player below them.

python docs/tools/report_picture.py   after `make demo` and `make report`; writes docs/report.jpg

Needs Chromium with its driver.
"""

import base64
import io
import shutil
from pathlib import Path

from PIL import Image
from selenium import webdriver
from selenium.webdriver.support.ui import WebDriverWait

ROOT = Path(__file__).resolve().parents[2]
REPORT, PICTURE = ROOT / "results" / "report.html", ROOT / "docs" / "report.jpg"
VIDEO, PLACE = "road-cars-zoom", 9  # which player is shown, and which of its frames
WIDTH = 1184  # pixels, as wide as the page with its margins
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def main() -> None:
    """Open the report and take the picture."""
    options = webdriver.ChromeOptions()
    options.binary_location = next(filter(None, map(shutil.which, BROWSERS)))
    for argument in ("--headless=new", "--no-sandbox", f"--window-size={WIDTH},900"):
        options.add_argument(argument)
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    browser = webdriver.Chrome(options=options, service=service)
    try:
        browser.get(REPORT.as_uri())
        results = browser.find_element("css selector", "#results .scroll")
        (section,) = (
            one
            for one in browser.find_elements("css selector", ".video")
            if one.find_element("css selector", "h3").text.startswith(VIDEO)
        )
        wait = WebDriverWait(browser, 20)
        browser.execute_script("arguments[0].scrollIntoView()", section)
        wait.until(lambda _: section.get_attribute("data-drawn"))
        browser.execute_script(
            "const scrub = arguments[0].querySelector('.scrub'); scrub.value = arguments[1];"
            "scrub.dispatchEvent(new Event('input'))",
            section,
            PLACE,
        )
        wait.until(lambda _: section.get_attribute("data-drawn") == f"objects {PLACE} 0")
        player = section.find_element("css selector", ".player")
        parts = [
            cut(browser, 0, bottom(browser, results) + 12),
            cut(browser, top(browser, section), bottom(browser, player) + 8),
        ]
    finally:
        browser.quit()
    whole = Image.new("RGB", (WIDTH, sum(part.height for part in parts)), "white")
    whole.paste(parts[0], (0, 0))
    whole.paste(parts[1], (0, parts[0].height))
    whole.save(PICTURE, quality=85)


def top(browser: webdriver.Chrome, element) -> float:
    """Where an element begins on the page, in pixels."""
    return browser.execute_script(
        "return arguments[0].getBoundingClientRect().top + scrollY", element
    )


def bottom(browser: webdriver.Chrome, element) -> float:
    """Where an element ends on the page, in pixels."""
    return top(browser, element) + element.size["height"]


def cut(browser: webdriver.Chrome, begin: float, end: float) -> Image.Image:
    """The page from one height to another."""
    clip = {"x": 0, "y": begin, "width": WIDTH, "height": end - begin, "scale": 1}
    taken = browser.execute_cdp_cmd(
        "Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip}
    )
    return Image.open(io.BytesIO(base64.b64decode(taken["data"]))).convert("RGB")


if __name__ == "__main__":
    main()
