"""What axe-core finds that keeps people out who cannot see well, or use no mouse."""

from __future__ import annotations

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

# What Streamlit draws itself, and nothing of ours can change: rule, element, and why it is not what it looks like.
STREAMLITS = [
    # Sections of the navigation stand as <div> between its <ul> and their <li>; readers announce the links all the same.
    ("list", "ul[data-testid=stSidebarNavItems]"),
    ("listitem", "ul[data-testid=stSidebarNavItems] > div > li"),
    # The point under the mouse in the small chart of st.metric; what the chart shows stands above it as a number.
    ("svg-img-alt", "[data-testid=stMetricChart] g[class$=_highlighted_points_marks]"),
]
LOOK = """async known => {
    const {violations} = await axe.run(document, {resultTypes: ['violations'], elementRef: true})
    return violations
        .filter(({impact}) => impact === 'serious' || impact === 'critical')
        .flatMap(({id, impact, nodes}) => nodes
            .filter(({element}) => !known.some(([rule, where]) => rule === id && element?.matches(where)))
            .map(({html, any, all, none}) =>
                `${impact} ${id}: ${html.slice(0, 200)} (${[...any, ...all, ...none].map(one => one.message).join('; ')})`))
}"""


def grave(page: Page) -> list[str]:
    """The serious and critical findings on what is open, each with its element and what is wrong with it."""
    page.evaluate(AXE_SCRIPT)  # the page's own policy does not bind what comes from the debugger
    found: list[str] = page.evaluate(LOOK, STREAMLITS)
    return found
