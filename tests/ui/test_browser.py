"""The page in a real browser, with mouse, keyboard, a phone's width, both themes, and inside Airflow."""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.ui import story
from tests.ui.chromium import FAINT_TEXTS, WITHOUT_NAME, Visitor, chromium, find_chromium

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

    from tests.ui.conftest import Page

HOSTILE = "<img src=x onerror=alert(1)>"

expect.set_options(timeout=60_000)  # a machine that stalls shall not fail a test


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests."""
    executable = find_chromium()
    if executable is None:
        pytest.skip("there is no Chromium here (Debian: chromium)")
    with chromium(executable) as started:
        yield started


@pytest.fixture(scope="module")
def told(page: Page) -> str:
    """An artifact with a story."""
    story.tell(page.models, page.aws)
    return story.NAME


@pytest.fixture
def visit(browser: Browser, page: Page) -> Iterator[Callable[..., Visitor]]:
    """Make visitors; at the end nothing may have gone wrong in their browsers, no policy violated, no alert shown."""
    made: list[Visitor] = []

    def make(role: str = "admin", **context: Any) -> Visitor:
        made.append(Visitor(browser, page.app, role, **context))
        return made[-1]

    yield make
    for visitor in made:
        visitor.context.close()
        assert visitor.wrong == []


@contextmanager
def something_is_refused(visitor: Visitor, status: int) -> Iterator[None]:
    """Allow the one line that a browser's console has of an answer that says no."""
    yield
    expected = [text for text in visitor.wrong if f"status of {status}" in text]
    assert len(expected) == 1
    visitor.wrong.remove(expected[0])


def test_search_leads_to_an_artifact_and_back(page: Page, visit: Callable[..., Visitor], told: str) -> None:
    key = f"artifacts/{HOSTILE}/LATEST.bin"
    page.aws.s3.put_object(Bucket=page.models.s3_bucket, Key=key, Body=b"a name that an older tool allowed")
    tab = visit("viewer").open()

    expect(tab.get_by_role("link", name=HOSTILE)).to_be_visible()
    tab.get_by_label("Search by name").fill("churn")
    expect(tab.locator("tbody tr")).to_have_count(1)
    expect(tab.get_by_role("status")).to_have_text("1 artifact found")
    tab.get_by_role("link", name=told).click()

    expect(tab.get_by_role("heading", level=1)).to_have_text(told)
    expect(tab).to_have_title(f"{told} · Artifacts")
    expect(tab.locator("main")).to_be_focused()
    prod = tab.get_by_role("article", name="Alias prod")
    expect(prod).to_contain_text("25 % goes to version 9 (canary), the rest to version 4.")
    expect(prod).to_contain_text("inconclusive")
    expect(prod.get_by_role("row", name="failures")).to_have_text("failures20158")
    expect(prod.locator("[aria-current=step]")).to_have_text("25 %")
    expect(tab.get_by_text("view only")).to_be_visible()
    assert tab.get_by_role("button", name=re.compile("Promote|Roll back|Protect|Restore|Abort")).count() == 0
    tab.go_back()
    expect(tab.get_by_label("Search by name")).to_have_value("churn")


def test_promotion_by_keyboard_and_rollback_by_mouse(page: Page, visit: Callable[..., Visitor], name: str) -> None:
    tab = visit("op").open(repository="models", artifact=name)
    card = tab.get_by_role("article", name="Alias prod")
    card.get_by_role("button", name="Promote").focus()

    tab.keyboard.press("Enter")
    dialog = tab.get_by_role("dialog")
    expect(dialog.get_by_label("Version")).to_be_focused()
    tab.keyboard.type("3")
    tab.keyboard.press("Control+A")
    tab.keyboard.type("3")
    tab.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("Say why.")
    expect(dialog.get_by_label("Reason")).to_be_focused()
    tab.keyboard.type(f"faster {HOSTILE}")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")

    expect(dialog).to_have_count(0)
    expect(card).to_contain_text("All traffic goes to version 3.")
    expect(card).to_contain_text(HOSTILE)
    expect(card.get_by_role("button", name="Promote")).to_be_focused()
    moved = page.models.get_alias(name, "prod")
    assert (moved.version, moved.changed_by, moved.reason) == ("3", "airflow-user:op", f"faster {HOSTILE}")

    expect(card).to_contain_text("undo: back to version 2")
    card.get_by_role("button", name="Roll back").click()
    dialog.get_by_label("Reason").fill("worse")
    dialog.get_by_role("button", name="Roll back").click()
    expect(card).to_contain_text("All traffic goes to version 2.")
    assert page.models.get_alias(name, "prod").version == "2"


def test_rollout_is_frozen_and_aborted(page: Page, visit: Callable[..., Visitor], name: str) -> None:
    page.models.start_rollout(name, "prod", 3, (5, 50), rollout_id="run", started_by="airflow:release/run/start")
    page.models.shift_rollout(name, "prod", 5, rollout_id="run")
    tab = visit("op").open(repository="models", artifact=name)
    card = tab.get_by_role("article", name="Alias prod")
    dialog = tab.get_by_role("dialog")
    expect(card.get_by_role("button", name="Roll back")).to_have_count(0)

    for verb, state in (("Freeze", "frozen"), ("Unfreeze", "on its way"), ("Abort", "rolled back")):
        card.get_by_role("button", name=f"{verb}…").click()
        dialog.get_by_label("Reason").fill(f"to {verb}")
        dialog.get_by_role("button", name=verb).click()
        expect(card.locator(".badge").first).to_have_text(state)

    expect(card).to_contain_text("All traffic goes to version 2.")
    ended = page.models.get_rollout(name, "prod")
    assert (ended.state, ended.ended_by, ended.end_reason) == ("rolled_back", "airflow-user:op", "to Abort")


def test_conflict_is_told_and_the_new_state_is_one_click_away(
    page: Page, visit: Callable[..., Visitor], name: str
) -> None:
    visitor = visit("admin")
    tab = visitor.open(repository="models", artifact=name)
    tab.get_by_role("article", name="Alias prod").get_by_role("button", name="Roll back").click()
    page.models.put_alias(name, "prod", 3, changed_by="carol", reason="urgent")

    dialog = tab.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("worse")
    with something_is_refused(visitor, 409):
        dialog.get_by_role("button", name="Roll back").click()
        expect(dialog.get_by_role("alert")).to_contain_text("carol")
    dialog.get_by_role("button", name="Look again").click()

    expect(tab.get_by_role("article", name="Alias prod")).to_contain_text("All traffic goes to version 3.")
    assert page.models.get_alias(name, "prod").version == "3"


def test_timeline_tells_what_was_when(page: Page, visit: Callable[..., Visitor], told: str) -> None:
    tab = visit("viewer").open(repository="models", artifact=told)
    lane = tab.get_by_role("listbox", name="prod")
    expect(lane.locator("svg .area")).not_to_have_count(0)

    lane.focus()
    shown = tab.locator(".told")
    expect(shown).to_contain_text("step 2 of 3")
    for _ in range(2):
        tab.keyboard.press("ArrowLeft")
    expect(shown).to_contain_text("conversions fell")
    tab.keyboard.press("ArrowLeft")
    expect(shown).to_contain_text("version 6")
    tab.keyboard.press("Home")
    expect(shown).to_contain_text("first model in production")
    assert lane.get_attribute("aria-activedescendant") == lane.locator("[aria-selected=true]").get_attribute("id")

    tab.get_by_role("button", name="A week ago").click()
    answer = tab.locator(".answer")
    expect(answer).to_contain_text("prod was version 4 (90 %) and 6 (10 %)")
    asked = tab.get_by_label("What was live at").input_value()
    then = page.models.get_alias_at(told, "prod", datetime.fromisoformat(asked).astimezone())
    assert (then.version, then.secondary_version, then.secondary_version_weight) == ("4", "6", 10)
    expect(tab.locator("line.asked")).to_have_count(3)

    tab.get_by_text("All changes as a table").click()
    expect(tab.get_by_role("table", name="All changes")).to_contain_text("canary of the November features")
    tab.get_by_label("Scale").select_option("changes")
    expect(lane.locator("svg circle")).to_have_count(len(list(page.models.list_alias_history(told, "prod"))))


def test_versions_are_paged_protected_and_restored(page: Page, visit: Callable[..., Visitor]) -> None:
    for number in range(1, 31):
        page.models.publish_artifact_version("long", content=str(number).encode())
    page.models.put_alias("long", "prod", 30)
    page.models.delete_artifact_version("long", 29)
    tab = visit("op").open(repository="models", artifact="long")
    versions = tab.get_by_role("table", name="Versions of long")
    expect(versions.locator("tbody tr")).to_have_count(25)

    tab.get_by_role("button", name="Older").click()
    expect(versions.locator("tbody tr")).to_have_count(4)
    tab.get_by_label("Go to version").fill("17")
    tab.keyboard.press("Enter")
    expect(versions.get_by_role("rowheader").first).to_have_text("17")
    versions.get_by_role("button", name="Protect version 17…").click()
    tab.get_by_role("dialog").get_by_label("Reason").fill("audit")
    tab.get_by_role("dialog").get_by_role("button", name="Protect").click()
    expect(versions).to_contain_text("audit (airflow-user:op)")

    tab.get_by_label("Why this version?").fill("17")
    tab.get_by_role("button", name="Preview").click()
    plan = tab.get_by_role("table", name="What would become")
    expect(plan).to_contain_text("protected: audit (airflow-user:op)")

    tab.get_by_label("Go to version").fill("")
    tab.get_by_label("Also deleted ones").check()
    tab.get_by_role("button", name="Go", exact=True).click()
    versions.get_by_role("button", name="Restore version 29…").click()
    tab.get_by_role("dialog").get_by_label("Reason").fill("deleted by mistake")
    tab.get_by_role("dialog").get_by_role("button", name="Restore").click()
    expect(versions.get_by_role("button", name="Promote version 29…")).to_be_visible()
    assert page.models.get_artifact_version("long", 29).get_content() == b"29"


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (360, "dark")])
def test_everything_is_named_legible_and_within_the_width(
    visit: Callable[..., Visitor], told: str, width: int, scheme: str
) -> None:
    visitor = visit("admin", viewport={"width": width, "height": 800}, color_scheme=scheme)
    tab = visitor.page
    for place in ({}, {"repository": "models", "artifact": told}):
        visitor.open(**place)
        expect(tab.locator("table").first).to_be_visible()
        if place:
            tab.get_by_role("button", name="Preview").click()
            expect(tab.get_by_role("table", name="What would become")).to_be_visible()
            tab.get_by_role("button", name="A week ago").click()
            expect(tab.locator(".answer")).to_be_visible()

        assert tab.evaluate("document.documentElement.dataset.theme") == scheme
        assert tab.evaluate(FAINT_TEXTS) == []
        assert tab.evaluate(WITHOUT_NAME) == []
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab.get_by_role("button", name="Roll back staging").click()
    expect(tab.get_by_role("dialog")).to_be_visible()
    assert tab.evaluate(FAINT_TEXTS) == []
    tab.keyboard.press("Escape")
    expect(tab.get_by_role("dialog")).to_have_count(0)


def test_page_in_airflow_follows_its_theme_its_address_and_its_links(
    page: Page, visit: Callable[..., Visitor], told: str
) -> None:
    visitor = visit("admin", color_scheme="light")
    visitor.page.add_init_script("localStorage.setItem('theme', 'dark')")
    visitor.page.goto(f"{page.app.url}/plugin/versioned-artifacts?repository=models&artifact={told}")
    frame = visitor.page.frame_locator("iframe")

    expect(frame.get_by_role("heading", level=1)).to_have_text(told)
    expect(frame.locator("html")).to_have_attribute("data-theme", "dark")
    visitor.page.evaluate("document.documentElement.className = 'light'")
    expect(frame.locator("html")).to_have_attribute("data-theme", "light")
    expect(visitor.page.get_by_role("link", name="Artifacts")).to_be_visible()
    frame.get_by_role("link", name="Artifacts").click()
    expect(frame.get_by_label("Search by name")).to_be_visible()
    expect(visitor.page).to_have_url(re.compile(r"/air/plugin/versioned-artifacts.*\?repository=models$"))

    frame.get_by_role("link", name=told).click()
    visitor.wrong.clear()  # the run that the link leads to was never made in this Airflow
    frame.get_by_role("article", name="Alias staging").get_by_role("link").click()
    expect(visitor.page).to_have_url(re.compile(r"/air/dags/release_model/runs/manual__2026-11-20T09(:|%3A)12"))
    visitor.page.wait_for_load_state("networkidle")
    visitor.wrong.clear()


def test_trouble_with_aws_is_a_sentence_on_the_page(visit: Callable[..., Visitor]) -> None:
    visitor = visit("viewer")
    with something_is_refused(visitor, 502):
        tab = visitor.open(repository="no_table")
        expect(tab.get_by_role("alert")).to_contain_text("does not exist")

    tab.get_by_label("Repository").select_option("second")
    expect(tab.get_by_role("alert")).to_have_count(0)
