"""Without a mouse: what can be pressed is reached by Tab, in the order in which it stands, and shows that it has the focus."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.window import Window
from tests.live import App

pytestmark = pytest.mark.slow

# What has the focus, as one would call it, and whether one can see that it does: by an outline, a shadow, a border or
# a background that it has not otherwise. The last may be that of what is around it.
FOCUS = """() => {
    let found = document.activeElement
    while (found?.shadowRoot?.activeElement) found = found.shadowRoot.activeElement
    const look = element => {
        const {outlineStyle, outlineWidth, boxShadow, borderColor, backgroundColor} = getComputedStyle(element)
        return [outlineStyle === 'none' ? '' : outlineWidth, boxShadow, borderColor, backgroundColor].join(' | ')
    }
    const around = [found, found.parentElement, found.parentElement?.parentElement].filter(Boolean)
    const focused = around.map(look)
    found.blur()
    const not = around.map(look)
    found.focus({focusVisible: true})
    const icons = [...found.querySelectorAll('[data-testid=stIconMaterial]')].map(icon => icon.innerText)
    const text = found.innerText.split('\\n').filter(line => !icons.includes(line.trim())).join(' ').trim()
    return {
        name: found.getAttribute('aria-label') || text || found.tagName,
        // The whole of the page, which is there to be scrolled by the keys: Streamlit gives it no ring.
        seen: found.tagName === 'MAIN' || focused.some((each, at) => each !== not[at]),
    }
}"""


@pytest.fixture
def window(chromium: Browser, live: App) -> Iterator[Window]:
    opened = Window(chromium, live)
    yield opened
    opened.context.close()


def test_the_overview_is_walked_by_tab_and_left_by_enter(window: Window) -> None:
    """Through the navigation to the first sentence, whose link Enter opens: the rows that it speaks of."""
    window.open("/")
    window.enter("manager")
    page = window.page
    walked = []
    for _step in range(60):
        page.keyboard.press("Tab")
        walked.append(page.evaluate(FOCUS))
        if walked[-1]["name"] == "Who and why":
            break
    names = [each["name"] for each in walked]
    assert names[-1] == "Who and why", names
    places = window.places()
    assert [name for name in names if name in places] == places
    assert not [each["name"] for each in walked if not each["seen"]]
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Not qualified on paper")
    window.settle()
    window.check()


