"""The command: one benchmark, or all of them and the page of results."""

from __future__ import annotations

import argparse
from importlib import import_module

from benchmarks.report import write

NAMES = ("hit", "stampede", "hotkey", "staleset", "outage", "holder", "group", "coherence", "freshness", "push", "pages")


def main() -> None:
    """Run what was named and print its tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=(*NAMES, "all"))
    parser.add_argument("--quick", action="store_true", help="a smoke run: too short to mean anything")
    parser.add_argument("--people", type=int, default=100, help="how many look at the pages at once")
    parser.add_argument("--seconds", type=float, default=60.0, help="for how long they do")
    wish = parser.parse_args()
    tables = []
    for name in NAMES if wish.name == "all" else (wish.name,):
        more = {"people": wish.people, "seconds": wish.seconds} if name == "pages" else {}
        for table in import_module(f"benchmarks.{name}").run(wish.quick, **more):
            print(table.markdown(), flush=True)
            tables.append(table)
    if wish.name == "all" and not wish.quick:
        write(tables)


if __name__ == "__main__":
    main()
