"""The small changes of a played demo, each through the door that a person's change takes."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any

from fleetcache.access.roles import Person
from fleetcache.changes import certifications, leave, pilots
from fleetcache.changes.validity import VARIES
from fleetcache.definitions import RANKS
from fleetcache.errors import FleetcacheError, Forbidden, NotFound
from fleetcache.panels.pilots import called
from fleetcache.runtime import Runtime
from fleetcache.source import certifications as held
from fleetcache.source import demo, labels
from fleetcache.source.people import Row, rows

PLAYED = Person("demo (played)", "manager", "command line")
"""Whom the audit names."""
SOONEST = 40
"""Of so many checks that lapse next one is renewed."""
WORDS = {"ANNUAL": "annual leave", "RDO": "rostered days off", "LSL": "long service leave", "SDO": "a single day off"}
DAYS = {"ANNUAL": (7, 14), "RDO": (1, 3), "LSL": (14, 28), "SDO": (1, 1)}


class Scenes:
    """Small changes to a demo airline, one after another, drawn by ``chance``: equal data and equal chance give
    equal changes. Nothing is changed in a database that is not a demo of ours."""

    def __init__(self, parts: Runtime, chance: Random) -> None:
        self._database = parts.database
        self._door = parts.door(PLAYED)
        self._chance = chance
        self._entered: set[int] = set()
        self._moved: dict[int, tuple[str, str]] = {}
        self.stays: list[str] = []
        """What was changed and is not undone at the end, a line each."""

    def check(self) -> None:
        """Raises Forbidden unless fleetcache itself made this database as its demo, SourceDown."""
        if not demo.marked(self._database):
            raise Forbidden(
                "This database is not a demo that fleetcache made: nothing is played on it.",
                hint="Take away DATABASE_URL to play the demo that comes with fleetcache.",
            )

    def next(self) -> str:
        """Make one change; what it was, in a line. Raises Forbidden on what is no demo, and what doors raise."""
        self.check()
        scenes = (self._ask, self._ask, self._review, self._decide, self._decide, self._decide, self._withdraw,
                  self._sick, self._renew, self._renew, self._renew, self._move)  # fmt: skip
        return self._chance.choice(scenes)()

    def undo(self) -> list[str]:
        """Withdraw the leave that was entered here and move pilots back to their bases; what was done, and what
        could not be, in a line each."""
        try:
            self.check()
        except FleetcacheError as error:
            left = f"{len(self._entered)} leave requests and {len(self._moved)} pilots stay as they are"
            return [f"{left}: {error.technical}"] if self._entered or self._moved else []
        return [*filter(None, map(self._take_back, sorted(self._entered))), *filter(None, map(self._move_back, self._moved))]

    def _ask(self) -> str:
        pilot = self._anybody()
        kind = self._chance.choice(tuple(WORDS))
        first = pilot["today"] + timedelta(days=self._chance.randint(10, 120))
        last = first + timedelta(days=self._chance.choice(DAYS[kind]) - 1)
        self._enter(pilot, kind, first, last)
        return f"{_who(pilot)} asks for {WORDS[kind]}, {_span(first, last)}"

    def _sick(self) -> str:
        pilot = self._anybody()
        first = pilot["today"]
        last = first + timedelta(days=self._chance.randint(0, 2))
        number = self._enter(pilot, "SICK", first, last)
        found = leave.preview(self._database, number, role=PLAYED.role)
        leave.approve(self._door, number, found.request["version"])
        return f"{_who(pilot)} is sick, {_span(first, last)}: recorded"

    def _review(self) -> str:
        request = self._undecided("SUBMITTED")
        if request is None:
            return self._ask()
        number = request["request_id"]
        version = leave.preview(self._database, number, role=PLAYED.role).request["version"]
        leave.review(self._door, number, version)
        self._kept(number, f"leave request {number} is in review")
        return f"The request of {_who(request)} for {_span(request['first_day'], request['last_day'])} is in review"

    def _decide(self) -> str:
        request = self._undecided("SUBMITTED", "IN_REVIEW")
        if request is None:
            return self._ask()
        number = request["request_id"]
        said = f"The leave of {_who(request)}, {_span(request['first_day'], request['last_day'])},"
        found = leave.preview(self._database, number, role=PLAYED.role)
        if objections := found.objections():
            leave.deny(self._door, number, found.request["version"], reason=objections[0])
            self._kept(number, f"leave request {number} is denied")
            return f"{said} is denied: {objections[0]}"
        leave.approve(self._door, number, found.request["version"])
        self._kept(number, f"leave request {number} is approved")
        return f"{said} is approved"

    def _withdraw(self) -> str:
        request = next(iter(self._queue(entered=True)), None)
        if request is None:
            return self._ask()
        number = request["request_id"]
        version = leave.preview(self._database, number, role=PLAYED.role).request["version"]
        leave.withdraw(self._door, number, version, reason="plans changed")
        self._entered.discard(number)
        return f"{_who(request)} takes the request for {_span(request['first_day'], request['last_day'])} back"

    def _renew(self) -> str:
        state = self._chance.choice(("expired", "expiring", "expiring"))
        due = self._list("certifications", state=state, most=SOONEST)
        if not due:
            return self._ask()
        one = self._chance.choice(due)
        pilot = pilots.look(self._database, one["pilot_id"], role=PLAYED.role)
        with self._database.snapshot(role=PLAYED.role) as connection:
            codes = {kind.name: code for code, kind in held.check_types(connection).items()}
        counts = [
            row for row in self._list("pilot_certifications", pilot=one["pilot_id"])
            if row["check_type"] == codes.get(one["check_name"]) and row["superseded_by"] is None and row["void_reason"] is None
        ]  # fmt: skip
        row = next(iter(counts), None)
        if row is None or row["check_type"] in VARIES or row["completed_on"] >= pilot["today"]:
            return self._ask()
        done = certifications.renew(
            self._door, row["id"], row["version"],
            completed_on=pilot["today"],
            issuer=row["issuer"],
            document_number=f"DEMO-{self._chance.randrange(1_000_000):06}",
        ).value  # fmt: skip
        self.stays.append(f"certification {done.row['id']} renews {row['id']}")
        ends = done.row["expires_on"]
        return f"{_who(pilot)} has renewed: {one['check_name']}, {f'good until {_day(ends)}' if ends else 'for good'}"

    def _move(self) -> str:
        pilot = self._anybody()
        number, was = pilot["pilot_id"], pilot["base"]
        others = sorted({row["base"] for row in self._list("pilots", active=True)} - {was})
        if not others:
            return self._ask()
        base = self._chance.choice(others)
        pilots.update(self._door, number, pilot["version"], base=base)
        self._moved[number] = (self._moved.get(number, (was, was))[0], base)
        return f"{_who(pilot)} moves from {was} to {base}"

    def _enter(self, pilot: Row, kind: str, first: date, last: date) -> int:
        channel = self._chance.choice(("portal", "email", "phone"))
        number = leave.submit(
            self._door, pilot_id=pilot["pilot_id"], leave_type=kind, first_day=first, last_day=last, channel=channel
        ).value  # fmt: skip
        self._entered.add(number)
        return number

    def _take_back(self, number: int) -> str:
        try:
            request = leave.preview(self._database, number, role=PLAYED.role).request
            if request["status"] not in leave.LIVE:
                return ""
            leave.withdraw(self._door, number, request["version"], reason="the played demo has ended")
        except FleetcacheError as error:
            return f"Leave request {number} stays: {error.technical}"
        return f"Leave request {number} is withdrawn"

    def _move_back(self, number: int) -> str:
        before, now = self._moved[number]
        try:
            pilot = pilots.look(self._database, number, role=PLAYED.role)
            if pilot["base"] != now or now == before:
                return ""  # somebody else has decided otherwise
            pilots.update(self._door, number, pilot["version"], base=before)
        except FleetcacheError as error:
            return f"Pilot {number} stays at {now}: {error.technical}"
        return f"{_who(pilot)} is back at {before}"

    def _kept(self, number: int, line: str) -> None:
        """A step with a request that somebody else entered is not undone."""
        if number not in self._entered:
            self.stays.append(line)

    def _anybody(self) -> Row:
        """A pilot, as things are now."""
        found = self._list("pilots", active=True)
        if not found:
            raise NotFound("There is no active pilot to play with.")
        return pilots.look(self._database, self._chance.choice(found)["pilot_id"], role=PLAYED.role)

    def _undecided(self, *states: str) -> Row | None:
        """A request still to come in one of some states, every other time one that was entered here."""
        own = [row for row in self._queue(entered=True) if row["status"] in states]
        theirs = [row for row in self._queue(entered=False) if row["status"] in states]
        chosen = own if own and (not theirs or self._chance.random() < 0.5) else theirs
        return self._chance.choice(chosen) if chosen else None

    def _queue(self, *, entered: bool) -> list[Row]:
        """The undecided requests that have not begun, those entered here or the others."""
        with self._database.statement() as connection:
            today = labels.of(connection).day
        found = self._list("leave_queue")
        return [row for row in found if (row["request_id"] in self._entered) == entered and row["first_day"] > today]

    def _list(self, name: str, **filters: Any) -> list[Row]:
        return rows(self._database, name, role=PLAYED.role, **filters)


def _who(row: Row) -> str:
    """“Petra Pokanavi (A330-200 captain)”."""
    name = " ".join(reversed(row["name"].split(", ", 1))) if "name" in row else called(row)
    return f"{name} ({row['fleet']} {RANKS[row['rank']].lower()})"


def _span(first: date, last: date) -> str:
    return _day(first) if first == last else f"{_day(first)} to {_day(last)}"


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
