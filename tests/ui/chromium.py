"""A real browser for the tests: the machine's own Chromium, without a window."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from tests.ui.airflow_app import AirflowApp

# What Airflow's own page says in its console, which is not ours to mend.
_OF_AIRFLOW = ("An iframe which has both allow-scripts and allow-same-origin",)

# Every visible text with less contrast to what is behind it than WCAG 2 asks for.
FAINT_TEXTS = """() => {
  const channel = (value) => (value <= 10 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = parse(getComputedStyle(each).backgroundColor);
      if (colour.length === 3 || colour[3] > 0.99) return colour;
    }
    return [255, 255, 255];
  };
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (!text || element.closest("svg, .unseen, [disabled], noscript") || !element.checkVisibility()) continue;
    const [a, b] = [luminance(parse(getComputedStyle(element).color)), luminance(behind(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) faint.push(`${text.slice(0, 40)}: ${contrast.toFixed(2)}`);
  }
  return faint;
}"""

# What people who do not see the page, or use no mouse, would miss.
WITHOUT_NAME = """() => {
  const of = (element, name) => element.getAttribute(name);
  const named = (element) =>
    of(element, "aria-label") || of(element, "aria-labelledby") || element.labels?.length || element.textContent.trim();
  const needless = ["presentation", "status", "alert"];
  const wrong = [...document.querySelectorAll("input, select, textarea, button, a, [role]")]
    .filter((element) => !needless.includes(of(element, "role")) && !named(element));
  const levels = [...document.querySelectorAll("h1, h2, h3, h4")].map((heading) => Number(heading.tagName[1]));
  const jumps = levels.filter((level, index) => level > (levels[index - 1] ?? 0) + 1);
  return [...wrong.map((element) => element.outerHTML), ...jumps.map((level) => `a heading jumps to level ${level}`)];
}"""


def find_chromium() -> str | None:
    """Return where the machine's browser is."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if (path := shutil.which(name))), None)


@contextmanager
def chromium(executable: str) -> Iterator[Browser]:
    """Start the browser and end it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


class Visitor:
    """Opens the page as the user of a role, and keeps what goes wrong in the browser."""

    def __init__(self, browser: Browser, app: AirflowApp, role: str, **context: Any) -> None:
        self.app = app
        self.wrong: list[str] = []
        self.context = browser.new_context(
            **{"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce", **context}
        )
        self.context.set_default_timeout(60_000)
        self.context.add_cookies([{"name": "_token", "value": app.token(role), "url": app.url}])
        self.page: Page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", lambda message: self._heard(message.type, message.text))

    def _heard(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"} and not text.startswith(_OF_AIRFLOW):
            self.wrong.append(text)

    def open(self, **place: str) -> Page:
        """Open the page alone, outside Airflow's frame."""
        query = "&".join(f"{key}={value}" for key, value in place.items())
        self.page.goto(f"{self.app.url}/versioned/?{query}")
        return self.page
