"""One run from the start of the servers to the verdict."""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import msgspec

from fleetcache.catalogue import CATALOGUE
from fleetcache.embedded.postgres import APP
from fleetcache.source import raw
from fleetcache.source.database import Database
from tests.freshness.faults import LANES, Lane
from tests.freshness.records import Fault, Log, Read, Write, load
from tests.freshness.stage import House, Stage
from tests.freshness.stalls import Stalls
from tests.freshness.verdict import Verdict, Wrong, judge, settle

FLAGGED_AMONG_FAULTS, FLAGGED_OTHERWISE = 15.0, 1.0


@dataclass(frozen=True)
class Plan:
    """What kind of run: ``bound_ms`` 0 is strict, ``busy`` threads compute beside the readers of one
    instance, ``control`` puts the original protocol in the place of ours."""

    seconds: float = 40.0
    bound_ms: int = 250
    busy: int = 0
    faults: bool = True
    control: bool = False
    seed: int = 0
    quiet: float = 3.0

    @property
    def most(self) -> float:
        """The share of flagged reads (percent) from which on the promise is an empty one."""
        return FLAGGED_AMONG_FAULTS if self.faults else FLAGGED_OTHERWISE


def run(plan: Plan, house: House, *, keep: bool = False) -> Verdict:
    """Play it, and judge it. With ``keep`` the files stay where they are."""
    stage = Stage(house, bound_ms=plan.bound_ms, seed=plan.seed, busy=plan.busy, original=plan.control)
    stalls = Stalls()
    try:
        files = stage.folder
        stage.write()
        lanes = [
            Lane(stage, Log(files / "faults"), faults, f"{plan.seed} {number}")
            for number, faults in enumerate(LANES if plan.faults else ())
        ]
        time.sleep(plan.seconds)
        for lane in lanes:
            lane.stop()
        for lane in lanes:
            if lane.failure is not None:
                raise lane.failure
        stage.silence()
        stalls.stop()
        time.sleep(plan.quiet)
        finals = stage.finals()
        truth = _truth(house)
        writes = list(load(files / "writes", Write))
        verdict = judge(
            load(files / "reads", Read), writes, load(files / "faults", Fault), standing=stage.standing, stalls=stalls
        )
        settle(verdict, finals, truth, writes=writes, standing=house.standing())
        if keep:
            print(f"records: {files}")
    finally:
        stalls.stop()
        stage.close()
        if not keep:
            stage.forget()
    return verdict


def _truth(house: House) -> dict[str, Any]:
    """What the tables give for every key, past all caches and wires."""
    database = Database(house.postgres.url(APP))
    try:
        found = raw.load(database, list(CATALOGUE))
        return {key: msgspec.json.decode(msgspec.json.encode(found[key].value)) for key in CATALOGUE}  # type: ignore[union-attr]
    finally:
        database.close()


def table(verdict: Verdict) -> str:
    """The verdict for people."""
    kinds = Counter(fault.kind for fault in verdict.faults)
    rows = [
        ("reads served", f"{verdict.reads.total() - verdict.refused.total()}"),
        ("  of these from", ", ".join(f"{layer} {count}" for layer, count in verdict.layers.most_common())),
        ("flagged", f"{verdict.flagged.total()} ({100 * verdict.flagged.total() / max(1, verdict.reads.total()):.2f} %)"),
        ("refused", f"{verdict.refused.total()}"),
        ("  of both, while the machine stood still", f"{verdict.excused} (it did {len(verdict.stalls)} times)"),
        ("older than the bound", _spread(verdict.older)),
        ("from the future", f"{len(verdict.future)}"),
        ("torn", f"{len(verdict.torn)}"),
        ("failed unexpectedly", f"{len(verdict.unexpected)}"),
        ("wrong after quiet", f"{len(verdict.after_quiet)} of {verdict.asked_after_quiet}"),
        ("flagged after quiet", f"{len(verdict.flagged_after_quiet)} of {verdict.asked_after_quiet}"),
        ("writes", f"{verdict.writes.total()} acknowledged, {verdict.maybes} tried again, {len(verdict.lost)} lost"),
        ("  of these to", ", ".join(f"{name} {count}" for name, count in verdict.writes.most_common())),
        ("faults", f"{len(verdict.faults)}"),
        *((f"  {kind}", f"{count}") for kind, count in sorted(kinds.items())),
        ("reads per instance", ""),
        *((f"  {name}", f"{verdict.reads[name]} ({share:.2f} % flagged or refused)") for name, share in sorted(verdict.shares().items())),
        ("begun late by at most", f"{verdict.late:.2f} s"),
    ]  # fmt: skip
    return "\n".join(f"{name:<42}{text}" for name, text in rows)


def _spread(wrong: list[Wrong]) -> str:
    if not wrong:
        return "0"
    by = sorted(one.by * 1000 for one in wrong)
    return f"{len(by)} (p50 {by[len(by) // 2]:.1f} ms, p99 {by[int(0.99 * (len(by) - 1))]:.1f} ms, most {by[-1]:.1f} ms)"


def main() -> int:
    """The command; 0 when the promise held, and for the control when it did not."""
    given = argparse.ArgumentParser(prog="python -m tests.freshness", description=__doc__)
    given.add_argument("--seconds", type=float, default=40.0)
    given.add_argument("--bound", type=int, default=250, help="ms; 0 is strict")
    given.add_argument("--busy", type=int, default=0, help="threads that compute, in one of the instances")
    given.add_argument("--no-faults", action="store_true")
    given.add_argument("--control", action="store_true", help="the original protocol, which has to fail")
    given.add_argument("--seed", type=int, default=None)
    given.add_argument("--keep", action="store_true", help="leave the records where they are")
    chosen = given.parse_args()
    seed = random.randrange(1_000_000) if chosen.seed is None else chosen.seed
    plan = Plan(
        seconds=chosen.seconds, bound_ms=chosen.bound, busy=chosen.busy,
        faults=not chosen.no_faults, control=chosen.control, seed=seed,
    )  # fmt: skip
    print(f"{plan}", flush=True)
    with House() as house:
        verdict = run(plan, house, keep=chosen.keep)
    print(table(verdict))
    for one in [*verdict.older[:5], *verdict.future[:5], *verdict.torn[:5], *verdict.unexpected[:5]]:
        print(f"! {one}")
    for text in [*verdict.after_quiet[:10], *verdict.flagged_after_quiet[:10], *verdict.lost]:
        print(f"! {text}")
    broken = verdict.broken(most=plan.most)
    if plan.control:
        print(f"the control {'failed, as it must: ' + '; '.join(broken) if broken else 'HELD: the judge sees nothing'}")
        return 0 if verdict.older and verdict.after_quiet else 1
    print(f"the promise was broken: {'; '.join(broken)}" if broken else "the promise held")
    return 1 if broken else 0
