"""Numbers that are not links lead to their rows as well: cells of tables, points of charts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote_plus

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.window import Window
from tests.live import App


@pytest.fixture(scope="module")
def window(chromium: Browser, live: App) -> Iterator[Window]:
    """The window of somebody who is signed in."""
    opened = Window(chromium, live)
    opened.come_in("manager")
    yield opened
    opened.context.close()


def leads_to(window: Window, **query: str) -> None:
    """The page of a figure, by its address."""
    part = "".join(f"(?=.*[?&]{name}={re.escape(quote_plus(value))}(&|$))" for name, value in query.items())
    expect(window.page).to_have_url(re.compile(rf"/figure{part}"))
    window.settle()


def at_point(window: Window, chart: Locator, line: str, place: int) -> None:
    """Click on a point of a line, as drawn."""
    chart.scroll_into_view_if_needed()
    x, y = chart.evaluate(
        """(part, [line, place]) => {
            const plot = part.querySelector('.js-plotly-plot'), {xaxis, yaxis, margin} = plot._fullLayout
            const data = plot._fullData.find(one => one.name === line)
            const box = plot.getBoundingClientRect()
            return [box.left + xaxis._offset + xaxis.d2p(data.x[place]), box.top + yaxis._offset + yaxis.d2p(data.y[place])]
        }""",
        [line, place],
    )
    window.page.mouse.move(x, y)
    window.page.mouse.click(x, y)


def test_a_point_opens_the_rows_of_its_own_line(window: Window) -> None:
    """Both lines of a day can be chosen, and back leads to the page as it was."""
    window.open("/leave?fleet=A330-200&rank=captain")
    chart = window.page.get_by_test_id("stPlotlyChart").first
    for line, figure in (("If renewed", "availability.ifRenewed"), ("On paper", "availability.onPaper")):
        at_point(window, chart, line, 60)
        leads_to(window, of=figure, **{"by-fleet": "A330-200", "by-rank": "captain"})
        window.page.go_back()
        window.page.wait_for_url(window.app.url + "/leave?fleet=A330-200&rank=captain")
        window.settle()
        expect(window.page.get_by_role("radio", checked=True)).to_have_text(["A330-200", "Captain"])
    window.check()


@pytest.mark.slow
def test_a_cell_opens_its_rows_and_so_does_the_freshness_mark_its_layers(window: Window) -> None:
    """The other figures of a day have addresses of their own, and nothing goes round in circles."""
    page = window.page
    window.open("/fleet?fleet=A330-200&base=POM")
    grid = page.get_by_test_id("stDataFrame").first
    box = grid.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.42, box["y"] + 52)
    leads_to(window, **{"by-fleet": "A330-200", "by-base": "POM"})
    page.go_back()
    page.wait_for_url(window.app.url + "/fleet?fleet=A330-200&base=POM")
    window.settle()

    window.open("/figure?of=availability.ifRenewed&by-day=2099-12-20&by-fleet=A330-200")
    page.get_by_role("button", name="Away on the day").click()
    leads_to(window, of="availability.onLeave")
    page.get_by_test_id("stPopover").get_by_role("button").click()
    with page.expect_popup() as opened:
        page.get_by_test_id("stPopoverBody").get_by_role("link", name="fleet:leave:stats").click()
    expect(opened.value.get_by_text("Ask every layer again")).to_be_visible()
    expect(opened.value).to_have_url(f"{window.app.url}/figure?of=fleet%3Aleave%3Astats")
    opened.value.close()
    window.check()
