"""Figure: what one number means, the rows that it counts, and how it came to the page."""

import streamlit as st

from fleetcache.catalogue import CATALOGUE
from fleetcache.errors import Invalid
from fleetcache.figures.reference import ContractTypes
from fleetcache.glossary import GLOSSARY
from fleetcache.panels.behind import REQUESTS, ahead, asked, beside
from fleetcache.ui import behind, decision, edits, kit, provenance, words
from fleetcache.ui.pages import page, place
from fleetcache.ui.session import must

must("crew.read")
key = st.query_params.get("of", "")
if key in CATALOGUE:
    kit.open_page(key, [key], icon=":material/account_tree:")
    provenance.way(key)
    st.stop()

if not key:
    kit.head("Figures", icon=":material/tag:")
    behind.index()
    st.stop()

try:
    figure = asked(st.query_params)
except Invalid as error:
    kit.head("Figure", icon=":material/tag:")
    st.error(f"**This address leads to no figure.** {words.plain(str(error))}", icon=":material/link_off:")
    st.page_link(page("figure"), label="All figures", icon=":material/tag:")
    st.stop()

definition, home = GLOSSARY[figure.figure], place(figure.rows.page)
panel = kit.open_page(definition.label, [figure.rows.key, "ref:contract_types"], icon=home.icon)
with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    for name, value in behind.narrowed(figure).items():
        st.badge(f"{name}: {value}", color="blue")
    along = {name: text for name, text in figure.filters if name in ("fleet", "rank", "base")}
    st.page_link(page(home.name), label=home.title, icon=home.icon, query_params=along)
    if others := beside(figure):
        st.caption("The same day:", width="content")
    for other in others:
        # A link to the page that one is on leaves the address as it is.
        if st.button(GLOSSARY[other.figure].label, type="tertiary", key=other.figure):
            kit.go(other)
st.markdown(definition.words)
if not ahead(figure, panel.as_of):
    st.error("**That day is over.** This figure looks ahead: open it again from its page.", icon=":material/event_busy:")
    st.stop()
if figure.rows.list == REQUESTS:
    edits.say()
    decision.undo()
    decision.panel()
behind.show(figure, panel.value("ref:contract_types", ContractTypes))
if st.toggle("How this number comes here", key="how", bind="query-params"):
    provenance.way(figure.rows.key)
