"""The SQL files, with the thresholds of ``definitions`` filled in."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path

import msgspec

from fleetcache import decoding, definitions
from fleetcache.catalogue import CATALOGUE, Entry

_SQL = Path(__file__).parent / "sql"
_SCHEMA = Path(__file__).parent / "schema"
_FACT = re.compile(r"^CREATE VIEW (\w+) AS\n(.*?);\n", re.DOTALL | re.MULTILINE)
_BLANK = re.compile(r"\{([a-z0-9_/]+)\}")

THRESHOLDS = {
    "expiring_days": str(definitions.EXPIRING_DAYS),
    "band_names": "ARRAY[" + ", ".join(f"'{name}'" for name, _ in definitions.BANDS) + "]",
    "band_edges": "ARRAY["
    + ", ".join(str(day) for _, day in definitions.BANDS if day is not None)
    + "]",
    "due_soon_years": str(definitions.DUE_SOON_YEARS),
    "nearing_years": str(definitions.NEARING_YEARS),
    "outlook_years": str(definitions.OUTLOOK_YEARS),
    "retirement_months": str(definitions.RETIREMENT_MONTHS),
    "availability_periods": str(definitions.AVAILABILITY_PERIODS),
    "trend_days": str(definitions.TREND_DAYS),
    "calendar_days": str(definitions.CALENDAR_DAYS),
}


def _fill(text: str) -> str:
    def value(blank: re.Match[str]) -> str:
        name = blank[1]
        return THRESHOLDS[name] if name in THRESHOLDS else query(name)

    return _BLANK.sub(value, text)


@cache
def query(name: str) -> str:
    """One query by the name of its file, without its leading comment and trailing newline."""
    text = (_SQL / f"{name}.sql").read_text(encoding="utf-8")
    return _fill(re.sub(r"\A(--[^\n]*\n)+", "", text)).strip()


@cache
def parts(name: str) -> dict[str, str]:
    """The queries of a folder: camelCase field of the value -> SQL."""
    return {
        re.sub(r"_(\w)", lambda letter: letter[1].upper(), path.stem): query(f"{name}/{path.stem}")
        for path in sorted((_SQL / name).glob("*.sql"))
    }


def is_folder(name: str) -> bool:
    """Whether a query is made of several."""
    return (_SQL / name).is_dir()


def whole(entry: Entry) -> str:
    """The payload of one key as a single SQL expression, for the view."""
    if is_folder(entry.query):
        fields = ",\n".join(f"'{field}', ({sql})" for field, sql in parts(entry.query).items())
        return f"jsonb_build_object({fields})"
    if entry.together:
        return f"({query(entry.query)}) -> '{entry.name}'"
    return f"({query(entry.query)})"


def facts() -> str:
    """The script that creates the functions and fact views."""
    return _fill((_SCHEMA / "facts.sql").read_text(encoding="utf-8"))


@cache
def schema() -> str:
    """Eight hex digits that change whenever a shape, a definition, a query or what it depends on does.

    It is part of every physical key, of every envelope and of the view, so that new code never
    reads what old code counted, without anybody having to remember a number.
    """
    digest = hashlib.sha256(facts().encode())
    for entry in CATALOGUE.values():
        shape = decoding.schema(entry.shape)
        row = [entry.name, sorted(entry.topics), whole(entry), shape]
        digest.update(msgspec.json.encode(row, order="sorted"))
    return digest.hexdigest()[:8]


def view() -> str:
    """The script that creates the materialized view: one row per key, index and as-of date.

    Each fact view is repeated as a materialized CTE of its own name, so that a refresh works it
    out once and not once for every key that counts from it.
    """
    rows = "\nUNION ALL\n".join(
        f"SELECT '{entry.name}' AS key, {whole(entry)} AS payload" for entry in CATALOGUE.values()
    )
    script = (_SCHEMA / "view.sql").read_text(encoding="utf-8")
    return script.replace("{facts}", _facts_once()).replace("{rows}", rows).replace("{schema}", schema())


def as_of(name: str) -> str:
    """A query that counts from the tables as they stood on the day asked about: in front of it the tables
    and the facts are given under their own names, so that the same definitions hold for every day."""
    asked = query(name)
    own = asked.startswith("WITH ")
    return f"WITH {query('people/as_of')},\n{_facts_once()}{',' if own else ''}\n{asked.removeprefix('WITH ')}"


def _facts_once() -> str:
    """The fact views as common table expressions, each worked out at most once in a query."""
    return ",\n".join(f"{name} AS MATERIALIZED (\n{body}\n)" for name, body in _FACT.findall(facts()))


def derived() -> list[str]:
    """The names of the functions and views that ``facts`` and ``view`` create."""
    return re.findall(r"^CREATE (?:FUNCTION|VIEW|MATERIALIZED VIEW) (\w+)", facts() + view(), re.MULTILINE)


def migrations() -> list[tuple[int, str, str]]:
    """The numbered migrations in order: (number, file name, SQL)."""
    return [
        (int(path.name[:4]), path.name, path.read_text(encoding="utf-8"))
        for path in sorted(_SCHEMA.glob("[0-9][0-9][0-9][0-9]_*.sql"))
    ]


def versions() -> str:
    """The script that creates the functions which keep the versions."""
    return (_SCHEMA / "versions.sql").read_text(encoding="utf-8")


def grants() -> str:
    """What the app's role may do; ``{app}`` stands for its name."""
    return (_SCHEMA / "grants.sql").read_text(encoding="utf-8")
