"""Every figure counted again, in plain Python from plain rows: an oracle that shares no SQL with the
program. Sets and loops on purpose; being slow is its privilege."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg.rows import dict_row

Row = dict[str, Any]
DAY = timedelta(days=1)
RANKS = ("captain", "first_officer")


def recount(connection: psycopg.Connection, today: date) -> dict[str, Any]:
    """Key -> the JSON value that every layer has to give."""
    return Recount(connection, today).everything()


def birthday(born: date, years: int) -> date:
    try:
        return born.replace(year=born.year + years)
    except ValueError:
        return date(born.year + years, 3, 1)


def month_of(day: date, months: int = 0) -> date:
    place = day.year * 12 + day.month - 1 + months
    return date(place // 12, place % 12 + 1, 1)


class Recount:
    def __init__(self, connection: psycopg.Connection, today: date) -> None:
        self.connection = connection
        self.today = today
        read = self._read
        self.settings = {row["name"]: row["value"] for row in read("settings")}
        self.zone = ZoneInfo(self.settings["fleet_time_zone"])
        self.fleets = {row["code"]: row for row in read("fleets")}
        self.types = {row["code"]: row for row in read("check_types")}
        self.requirements = read("check_requirements")
        self.pilots = {row["id"]: row for row in read("pilots")}
        self.active = {k: p for k, p in self.pilots.items() if p["active"]}
        self.history = read("certifications")
        self.chains = defaultdict(list)
        for c in self.history:
            self.chains[c["pilot_id"], c["check_type"]].append(c)
        self.held = {
            (c["pilot_id"], c["check_type"]): c
            for c in self.history
            if c["superseded_by"] is None and c["void_reason"] is None and c["pilot_id"] in self.active
        }
        self.leave = [row for row in read("leave_requests") if row["pilot_id"] in self.active]
        for row in self.leave:
            row["last"] = row["last_day"] or row["first_day"]
        self.required = {
            (k, q["check_type"])
            for k, p in self.active.items()
            for q in self.requirements
            if q["fleet"] in (None, p["fleet"])
            and q["rank"] in (None, p["rank"])
            and (q["qualification"] is None or p[q["qualification"]])
        }
        self.away = defaultdict(set)
        for row in self.leave:
            if row["status"] == "APPROVED":
                day = row["first_day"]
                while day <= row["last"]:
                    self.away[day].add(row["pilot_id"])
                    day += DAY

    def _read(self, table: str) -> list[Row]:
        with self.connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(f"SELECT * FROM {table}").fetchall()

    # --- what counts as what

    def left(self, c: Row) -> int | None:
        return (c["expires_on"] - self.today).days if c["expires_on"] else None

    def state(self, key: tuple[int, str]) -> str:
        c = self.held.get(key)
        if c is None:
            return "missing"
        left = self.left(c)
        if left is None:
            forever = c["never_expires"] or self.types[key[1]]["never_expires"]
            return "current" if forever else "undated"
        return "expired" if left < 0 else "expiring" if left <= 30 else "current"

    def band(self, key: tuple[int, str]) -> str:
        state = self.state(key)
        if state in ("missing", "undated", "expired"):
            return state
        left = self.left(self.held[key])
        if left is None or left > 90:
            return "later"
        return (
            "days0to7" if left <= 7 else "days8to30" if left <= 30 else "days31to60" if left <= 60 else "days61to90"
        )

    def renews(self, c: Row, since: datetime) -> bool:
        """Whether a row is current and was recorded ``since`` then, when another stood, and corrects none of before."""
        if c["void_reason"] is not None or c["superseded_by"] is not None or c["recorded_at"] < since:
            return False
        chain = self.chains[c["pilot_id"], c["check_type"]]
        corrected = {o["voided_at"]: o["recorded_at"] for o in chain if o["void_reason"] is not None}
        entered = c["recorded_at"]
        while entered in corrected:
            entered = corrected[entered]
        stood = [o for o in chain if o["recorded_at"] < since and (o["voided_at"] is None or o["voided_at"] >= since)]
        return entered >= since and bool(stood)

    def retires(self, p: Row) -> date | None:
        return birthday(p["date_of_birth"], self.settings["retirement_age"]) if p["date_of_birth"] else None

    def bucket(self, p: Row) -> str:
        on = self.retires(p)
        if on is None:
            return "unknown"
        if on <= self.today:
            return "overdue"
        for years, name in ((2, "years0to2"), (5, "years2to5"), (10, "years5to10")):
            if on <= birthday(self.today, years):
                return name
        return "later"

    def compliance(self, pilot: int) -> str:
        states = {self.state(key) for key in self.required if key[0] == pilot}
        if states & {"expired", "missing"} or self.bucket(self.active[pilot]) == "overdue":
            return "non_compliant"
        return "unproven" if "undated" in states else "compliant"

    def period(self, day: date) -> int:
        anchor = date.fromisoformat(self.settings["roster_anchor"])
        return (day - anchor).days // self.settings["roster_days"]

    def roster(self, index: int) -> Row:
        s = self.settings
        first = date.fromisoformat(s["roster_anchor"]) + index * s["roster_days"] * DAY
        place = s["roster_anchor_period"] - 1 + index
        year, number = divmod(place, s["roster_periods_per_year"])
        close = first - (s["request_deadline_days"] - 1) * DAY
        return {
            "name": f"RP{number + 1}/{s['roster_anchor_year'] + year}",
            "first": first,
            "last": first + (s["roster_days"] - 1) * DAY,
            "deadline": datetime(close.year, close.month, close.day, tzinfo=self.zone).astimezone(UTC),
            "publication": first - s["publication_days"] * DAY,
        }

    # --- the keys

    def everything(self) -> dict[str, Any]:
        self.judged = {pilot: self.compliance(pilot) for pilot in self.active}
        counts = {
            "fleet:pilots:count": len(self.active),
            "fleet:captains:count": sum(p["rank"] == "captain" for p in self.active.values()),
            "fleet:first_officers:count": sum(p["rank"] == "first_officer" for p in self.active.values()),
            "fleet:training_captains:count": sum(p["training_captain"] for p in self.active.values()),
            "fleet:examiners:count": sum(p["examiner"] for p in self.active.values()),
        }
        return {
            "dashboard:metrics": self.dashboard(),
            "fleet:stats": self.fleet_stats(),
            "fleet:compliance:rate": self.compliance_rate(),
            "fleet:certifications:stats": self.certification_stats(),
            "fleet:certifications:expiring": self.expiring(),
            "fleet:certifications:expired": self.expired(),
            "fleet:retirement:forecast": self.forecast(),
            "fleet:retirement:nearing": self.within(5),
            "fleet:retirement:due_soon": self.within(2),
            "fleet:leave:stats": self.leave_stats(),
            "fleet:leave:pending": self.leave_pending(),
            "fleet:leave:approved": self.leave_approved(),
            **{key: {"count": n} for key, n in counts.items()},
            **self.reference(),
        }

    def totals(self) -> Row:
        active = self.active.values()
        return {
            "total": len(self.pilots),
            "active": len(self.active),
            "captains": sum(p["rank"] == "captain" for p in active),
            "firstOfficers": sum(p["rank"] == "first_officer" for p in active),
            "trainingCaptains": sum(p["training_captain"] for p in active),
            "examiners": sum(p["examiner"] for p in active),
        }

    def compliance_rate(self) -> Row:
        n = Counter(self.judged.values())
        return {
            "active": len(self.active),
            "compliant": n["compliant"],
            "unproven": n["unproven"],
            "nonCompliant": n["non_compliant"],
        }

    def states(self, keys: set[tuple[int, str]], *names: str) -> Row:
        n = Counter(self.state(key) for key in keys)
        return {name: n[name] for name in names}

    def leave_totals(self) -> Row:
        pending = [r for r in self.leave if r["status"] in ("SUBMITTED", "IN_REVIEW")]
        ahead = Counter(r["status"] for r in self.leave if r["last"] >= self.today)
        return {
            "pending": ahead["SUBMITTED"] + ahead["IN_REVIEW"],
            "approved": ahead["APPROVED"],
            "denied": ahead["DENIED"],
            "undecidedStarted": sum(r["first_day"] <= self.today for r in pending),
        }

    def leave_today(self) -> Row:
        first, after = month_of(self.today), month_of(self.today, 1)
        return {
            "onLeaveToday": len(self.away.get(self.today, ())),
            "daysThisMonth": sum(len(who) for day, who in self.away.items() if first <= day < after),
        }

    def buckets(self) -> Row:
        n = Counter(self.bucket(p) for p in self.active.values())
        return {k: n[k] for k in ("overdue", "years0to2", "years2to5", "years5to10", "unknown")}

    def dashboard(self) -> Row:
        held = set(self.held)
        either = held | self.required
        missing = self.required - held
        by_category: dict[str, Row] = {}
        for category in {t["category"] for t in self.types.values()}:
            of = {key for key in either if self.types[key[1]]["category"] == category}
            by_category[category] = {
                "total": len(of & held),
                **self.states(of, "current", "expiring", "expired", "missing", "undated"),
            }
        return {
            "pilots": self.totals(),
            "certifications": {
                "total": len(held),
                **self.states(held, "current", "expiring", "expired", "undated"),
            },
            "compliance": self.compliance_rate(),
            "leave": self.leave_totals(),
            "leaveToday": self.leave_today(),
            "alerts": {
                "criticalExpired": len({k[0] for k in self.required if self.state(k) == "expired"}),
                "expiringThisWeek": sum(self.band(k) == "days0to7" for k in held),
                "missingCertifications": len(missing),
            },
            "retirement": self.buckets(),
            "categories": by_category,
            "asOfDate": self.today.isoformat(),
        }

    def fleet_stats(self) -> Row:
        cells: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
        on_leave = self.away.get(self.today, set())
        for k, p in self.pilots.items():
            cell = cells[p["fleet"], p["rank"], p["base"], p["contract"]]
            if not p["active"]:
                cell["inactive"] += 1
                continue
            good = self.judged[k] != "non_compliant"
            cell["active"] += 1
            cell["compliant"] += self.judged[k] == "compliant"
            cell["unproven"] += self.judged[k] == "unproven"
            cell["qualified"] += good
            cell["onLeave"] += k in on_leave
            cell["available"] += good and k not in on_leave
            cell["trainingCaptains"] += p["training_captain"]
            cell["examiners"] += p["examiner"]
        names = (
            "active", "inactive", "compliant", "unproven", "qualified", "onLeave", "available",
            "trainingCaptains", "examiners",
        )  # fmt: skip
        yesterday = datetime(self.today.year, self.today.month, self.today.day, tzinfo=self.zone) - DAY
        strength = Counter(p["fleet"] for p in self.active.values())
        s = self.settings
        return {
            "totals": self.totals(),
            "cells": [
                dict(zip(("fleet", "rank", "base", "contract"), where, strict=True)) | {n: cell[n] for n in names}
                for where, cell in sorted(cells.items())
            ],
            "fleets": [
                {
                    "fleet": code,
                    "name": f["name"],
                    "hulls": f["hulls"],
                    "requiredCaptains": f["hulls"] * f["captains_per_hull"],
                    "requiredFirstOfficers": f["hulls"] * f["first_officers_per_hull"],
                    "minimumCaptains": f["minimum_captains"],
                    "minimumFirstOfficers": f["minimum_first_officers"],
                    "requiredTrainingCaptains": math.ceil(strength[code] / s["pilots_per_training_captain"]),
                    "requiredExaminers": math.ceil(strength[code] / s["pilots_per_examiner"]),
                }
                for code, f in sorted(self.fleets.items())
            ],
            "bases": self.named("bases"),
            "contracts": self.named("contract_types"),
            "sinceYesterday": {
                "lapsed": sum(self.left(c) == -1 for c in self.held.values()),
                "renewed": sum(c["pilot_id"] in self.active and self.renews(c, yesterday) for c in self.history),
                "requests": sum(
                    r["status"] != "DRAFT" and r["submitted_at"] is not None and r["submitted_at"] >= yesterday
                    for r in self.leave
                ),
            },
            "history": [
                {
                    "day": row["day"].isoformat(),
                    "active": row["active"],
                    "captains": row["captains"],
                    "firstOfficers": row["first_officers"],
                    "trainingCaptains": row["training_captains"],
                    "examiners": row["examiners"],
                    "compliant": row["compliant"],
                    "unproven": row["unproven"],
                    "expired": row["expired"],
                    "expiring": row["expiring"],
                    "missing": row["missing"],
                    "onLeave": row["on_leave"],
                    "pending": row["pending"],
                }
                for row in sorted(self._read("daily_metrics"), key=lambda row: row["day"])
                if self.today - 30 * DAY <= row["day"] < self.today
            ],
        }

    def named(self, table: str) -> list[Row]:
        rows = sorted(self._read(table), key=lambda row: row["code"])
        return [{"code": row["code"], "name": row["name"]} for row in rows]

    def by_check(self, keys: set[tuple[int, str]]) -> dict[tuple[Any, ...], list[tuple[int, str]]]:
        found: dict[tuple[Any, ...], list[tuple[int, str]]] = defaultdict(list)
        for key in keys:
            t, p = self.types[key[1]], self.active[key[0]]
            found[t["position"], t["category"], key[1], p["fleet"], p["rank"]].append(key)
        return dict(sorted(found.items()))

    def certification_stats(self) -> Row:
        bands = (
            "expired", "days0to7", "days8to30", "days31to60", "days61to90", "later", "undated", "missing",
        )  # fmt: skip
        cells = []
        for (_, category, check, fleet, rank), keys in self.by_check(set(self.held) | self.required).items():
            n = Counter(self.band(key) for key in keys)
            cells.append(
                {"category": category, "check": check, "fleet": fleet, "rank": rank} | {b: n[b] for b in bands}
            )
        return {"cells": cells}

    def expiring(self) -> Row:
        n: Counter[tuple[Any, ...]] = Counter()
        for key, c in self.held.items():
            left = self.left(c)
            if left is not None and 0 <= left <= 90:
                p = self.active[key[0]]
                n[c["expires_on"], self.types[key[1]]["category"], p["fleet"], p["rank"]] += 1
        return {
            "days": [
                {"day": day.isoformat(), "category": category, "fleet": fleet, "rank": rank, "count": count}
                for (day, category, fleet, rank), count in sorted(n.items())
            ]
        }

    def expired(self) -> Row:
        cells = []
        bad = {k for k in set(self.held) | self.required if self.state(k) in ("expired", "missing", "undated")}
        for (_, category, check, fleet, rank), keys in self.by_check(bad).items():
            n = Counter(self.state(key) for key in keys)
            cells.append(
                {
                    "category": category,
                    "check": check,
                    "fleet": fleet,
                    "rank": rank,
                    "expired": n["expired"],
                    "expiredRequired": sum(self.state(k) == "expired" and k in self.required for k in keys),
                    "missing": n["missing"],
                    "undated": n["undated"],
                }
            )
        lapsed = {k[0] for k in self.required if self.state(k) == "expired"}
        groups: dict[tuple[str, str], list[int]] = defaultdict(list)
        for k, p in self.active.items():
            groups[p["fleet"], p["rank"]].append(k)
        on_leave = self.away.get(self.today, set())
        people = []
        for (fleet, rank), members in sorted(groups.items()):
            n = Counter(self.judged[k] for k in members)
            people.append(
                {
                    "fleet": fleet,
                    "rank": rank,
                    "active": len(members),
                    "compliant": n["compliant"],
                    "unproven": n["unproven"],
                    "nonCompliant": n["non_compliant"],
                    "nonCompliantOnLeave": sum(
                        self.judged[k] == "non_compliant" and k in on_leave for k in members
                    ),
                    "pastLimit": sum(self.bucket(self.active[k]) == "overdue" for k in members),
                    "withExpired": sum(k in lapsed for k in members),
                }
            )
        return {"cells": cells, "pilots": people}

    def groups(self) -> list[tuple[str, str, list[Row]]]:
        return [
            (fleet, rank, [p for p in self.active.values() if (p["fleet"], p["rank"]) == (fleet, rank)])
            for fleet in sorted(self.fleets)
            for rank in RANKS
        ]

    def forecast(self) -> Row:
        cells, months, outlook, succession = [], [], [], []
        names = ("overdue", "years0to2", "years2to5", "years5to10", "later", "unknown")
        for fleet, rank, members in self.groups():
            if members:
                n = Counter(self.bucket(p) for p in members)
                cells.append({"fleet": fleet, "rank": rank} | {name: n[name] for name in names})
            by_month = Counter(
                month_of(on)
                for p in members
                if (on := self.retires(p)) and on > self.today and on < month_of(self.today, 60)
            )
            months += [
                {"month": m.isoformat(), "fleet": fleet, "rank": rank, "count": n} for m, n in by_month.items()
            ]
            f = self.fleets[fleet]
            per_hull = f["captains_per_hull"] if rank == "captain" else f["first_officers_per_hull"]
            for years in range(11):
                day = birthday(self.today, years)
                outlook.append(
                    {
                        "years": years,
                        "day": day.isoformat(),
                        "fleet": fleet,
                        "rank": rank,
                        "crew": sum((on := self.retires(p)) is None or on > day for p in members),
                        "required": f["hulls"] * per_hull,
                    }
                )
        for fleet in sorted(self.fleets):
            n = Counter(
                self.readiness(k) for k, p in self.active.items()
                if p["fleet"] == fleet and p["rank"] == "first_officer"
            )  # fmt: skip
            succession.append(
                {
                    "fleet": fleet,
                    "ready": n["ready"],
                    "potential": n["potential"],
                    "developing": n["developing"],
                    "notYet": n["notYet"],
                    "captainsLeaving": sum(
                        p["fleet"] == fleet
                        and p["rank"] == "captain"
                        and (on := self.retires(p)) is not None
                        and on <= birthday(self.today, 5)
                        for p in self.active.values()
                    ),
                }
            )
        return {
            "buckets": self.buckets(),
            "cells": cells,
            "months": sorted(months, key=lambda m: (m["month"], m["fleet"], m["rank"])),
            "outlook": sorted(outlook, key=lambda o: (o["years"], o["fleet"], o["rank"])),
            "succession": succession,
        }

    def readiness(self, pilot: int) -> str:
        p, s = self.active[pilot], self.settings
        lapsed = any(self.state(k) in ("expired", "missing") for k in self.required if k[0] == pilot)

        def served(years: int) -> bool:
            return birthday(p["commenced_on"], years) <= self.today

        def aged(years: int) -> bool:
            return p["date_of_birth"] is not None and birthday(p["date_of_birth"], years) <= self.today

        if (
            p["licence"] == "ATPL"
            and not lapsed
            and served(s["succession_ready_service"])
            and aged(s["succession_ready_age"])
        ):
            return "ready"
        if served(s["succession_potential_service"]) and aged(s["succession_potential_age"]):
            return "potential"
        return "developing" if served(s["succession_developing_service"]) else "notYet"

    def within(self, years: int) -> Row:
        n = Counter(
            (p["fleet"], p["rank"])
            for p in self.active.values()
            if (on := self.retires(p)) and self.today < on <= birthday(self.today, years)
        )
        return {
            "years": years,
            "total": sum(n.values()),
            "cells": [{"fleet": f, "rank": r, "count": count} for (f, r), count in sorted(n.items())],
        }

    def leave_stats(self) -> Row:
        first = self.period(self.today)
        end = self.roster(first + 3)["last"]
        days = [self.today + n * DAY for n in range((end - self.today).days + 1)]
        lapse: dict[int, date | None] = {}
        for k in self.active:
            dates = []
            for key in self.required:
                if key[0] == k:
                    c = self.held.get(key)
                    if c is None:
                        dates.append(date.min)
                    elif c["expires_on"]:
                        dates.append(c["expires_on"] + DAY)
            lapse[k] = min(dates, default=None)
        lines = []
        for fleet, rank, members in self.groups():
            f = self.fleets[fleet]
            if_renewed, on_paper, on_leave = [], [], []
            for day in days:
                away = self.away.get(day, set())
                there = [
                    p for p in members if p["id"] not in away and ((on := self.retires(p)) is None or on > day)
                ]
                on_leave.append(sum(p["id"] in away for p in members))
                if_renewed.append(len(there))
                on_paper.append(sum((due := lapse[p["id"]]) is None or due > day for p in there))
            lines.append(
                {
                    "fleet": fleet,
                    "rank": rank,
                    "active": len(members),
                    "minimum": f["minimum_captains" if rank == "captain" else "minimum_first_officers"],
                    "onLeave": on_leave,
                    "ifRenewed": if_renewed,
                    "onPaper": on_paper,
                }
            )
        by_month: dict[tuple[date, str], set[tuple[int, date]]] = defaultdict(set)
        start, stop = month_of(self.today, -12), month_of(self.today, 13)
        for r in self.leave:
            day = r["first_day"]
            while r["status"] == "APPROVED" and day <= r["last"]:
                if start <= day < stop:
                    by_month[month_of(day), r["leave_type"]].add((r["pilot_id"], day))
                day += DAY
        periods = []
        for n in range(first, first + self.settings["roster_periods_per_year"]):
            p = self.roster(n)
            touching = Counter(
                r["status"] for r in self.leave if r["first_day"] <= p["last"] and r["last"] >= p["first"]
            )
            periods.append(
                {
                    "name": p["name"],
                    "firstDay": p["first"].isoformat(),
                    "lastDay": p["last"].isoformat(),
                    "deadlineAt": p["deadline"],
                    "publicationDay": p["publication"].isoformat(),
                    "submitted": touching["SUBMITTED"],
                    "inReview": touching["IN_REVIEW"],
                    "approved": touching["APPROVED"],
                    "denied": touching["DENIED"],
                    "daysAway": sum(
                        len(who) for day, who in self.away.items() if p["first"] <= day <= p["last"]
                    ),
                }
            )
        return {
            "totals": self.leave_totals(),
            "today": self.leave_today(),
            "months": [
                {"month": m.isoformat(), "leaveType": t, "days": len(who)}
                for (m, t), who in sorted(by_month.items())
            ],
            "periods": periods,
            "firstDay": self.today.isoformat(),
            "availability": lines,
        }

    def leave_pending(self) -> Row:
        pending = [r for r in self.leave if r["status"] in ("SUBMITTED", "IN_REVIEW")]
        n: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
        for r in pending:
            if r["last"] >= self.today:
                p = self.active[r["pilot_id"]]
                roster = self.roster(self.period(max(r["first_day"], self.today)))
                n[roster["publication"], p["fleet"], p["rank"], roster["name"]][r["status"]] += 1
        return {
            "total": sum(r["last"] >= self.today for r in pending),
            "undecidedStarted": sum(r["first_day"] <= self.today for r in pending),
            "cells": [
                {
                    "period": name,
                    "publicationDay": publication.isoformat(),
                    "fleet": fleet,
                    "rank": rank,
                    "submitted": c["SUBMITTED"],
                    "inReview": c["IN_REVIEW"],
                }
                for (publication, fleet, rank, name), c in sorted(n.items())
            ],
        }

    def leave_approved(self) -> Row:
        ahead = [r for r in self.leave if r["status"] == "APPROVED" and r["last"] >= self.today]
        cells: dict[tuple[str, ...], list[Row]] = defaultdict(list)
        for r in ahead:
            p = self.active[r["pilot_id"]]
            cells[r["leave_type"], p["fleet"], p["rank"]].append(r)
        return {
            "total": len(ahead),
            "onLeaveToday": len(self.away.get(self.today, ())),
            "cells": [
                {
                    "leaveType": leave_type,
                    "fleet": fleet,
                    "rank": rank,
                    "requests": len(rows),
                    "onLeaveToday": len({r["pilot_id"] for r in rows if r["first_day"] <= self.today}),
                }
                for (leave_type, fleet, rank), rows in sorted(cells.items())
            ],
        }

    def reference(self) -> dict[str, Any]:
        fields = {
            "code": "code", "name": "name", "category": "category", "position": "position",
            "neverExpires": "never_expires", "validity": "validity", "validityUnit": "validity_unit",
            "countedFrom": "counted_from", "renewalWindow": "renewal_window", "windowUnit": "window_unit",
            "ageLimit": "age_limit", "validityFromAge": "validity_from_age",
        }  # fmt: skip
        contracts = sorted(self._read("contract_types"), key=lambda row: row["code"])
        return {
            "ref:check_types": {
                "checkTypes": [
                    {out: t[column] for out, column in fields.items()}
                    for t in sorted(self.types.values(), key=lambda t: t["position"])
                ]
            },
            "ref:contract_types": {
                "contractTypes": [
                    {"code": c["code"], "name": c["name"], "daysOn": c["days_on"], "daysOff": c["days_off"]}
                    for c in contracts
                ]
            },
            "ref:settings": {
                "settings": [
                    {"name": r["name"], "value": r["value"], "description": r["description"]}
                    for r in sorted(self._read("settings"), key=lambda r: r["name"])
                ]
            },
        }
