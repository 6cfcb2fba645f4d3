"""What every figure is called and what it counts, in words: the tooltips of the pages."""

from __future__ import annotations

from dataclasses import dataclass

from fleetcache.definitions import BANDS, EXPIRING_DAYS, NEARING_YEARS, OK_SHARE, WATCH_SHARE


@dataclass(frozen=True)
class Definition:
    """How a figure is named on a page, and what it counts, in words."""

    label: str
    words: str


def _days(band: str) -> str:
    names = [name for name, _ in BANDS]
    place = names.index(band)
    first = BANDS[place][1]
    if place + 1 == len(BANDS):
        return f"more than {(first or 0) - 1} days ahead"
    after = BANDS[place + 1][1] or 0
    return f"{first} to {after - 1} days ahead, today being day 0"


_CERTIFICATION = "Current rows of active pilots."

GLOSSARY: dict[str, Definition] = {
    "pilots.total": Definition("Pilots", "Everyone on file, inactive pilots included."),
    "pilots.active": Definition("Active pilots", "Pilots not marked inactive."),
    "pilots.captains": Definition("Captains", "Active pilots of captain's rank."),
    "pilots.firstOfficers": Definition(
        "First officers", "Active pilots of first officer's rank."
    ),
    "pilots.trainingCaptains": Definition(
        "Training captains",
        "Active captains who train. A pilot may be training captain and examiner at once.",
    ),
    "pilots.examiners": Definition(
        "Examiners",
        "Active captains who examine. A pilot may be training captain and examiner at once.",
    ),
    "certifications.total": Definition(
        "Certifications", f"{_CERTIFICATION} Missing checks come on top: they have no row."
    ),
    "certifications.current": Definition(
        "Current",
        f"Expiry more than {EXPIRING_DAYS} days ahead, or a document that never expires. "
        f"{_CERTIFICATION}",
    ),
    "certifications.expiring": Definition(
        "Expiring",
        f"Expiry from today up to {EXPIRING_DAYS} days ahead. "
        f"Still valid, through the printed day. {_CERTIFICATION}",
    ),
    "certifications.expired": Definition(
        "Expired", f"Expiry before today; the printed day itself still counts. {_CERTIFICATION}"
    ),
    "certifications.missing": Definition(
        "Missing", "A check that is required of the pilot and has no row at all."
    ),
    "certifications.undated": Definition(
        "Undated", f"The document should have an expiry date and has none. {_CERTIFICATION}"
    ),
    "certifications.complianceRate": Definition(
        "Pilot compliance",
        "Compliant / active pilots. Not compliant: a required item expired or missing, or past "
        "the retirement limit. Unproven pilots (a required item undated) count as neither.",
    ),
    "certifications.compliantPilots": Definition(
        "Compliant pilots",
        "Active pilots with every required item dated and valid, and below the age limit.",
    ),
    "certifications.unprovenPilots": Definition(
        "Unproven pilots",
        "Active pilots with a required item undated and nothing worse: "
        "neither compliant nor known not to be.",
    ),
    "certifications.validityRate": Definition(
        "Check validity", "(Current + expiring) / dated certifications."
    ),
    "certifications.fullyCurrentRate": Definition(
        "Fully current", "Current / dated certifications."
    ),
    "leave.pending": Definition(
        "Leave undecided",
        "Requests submitted or in review whose last day is today or later.",
    ),
    "leave.approved": Definition(
        "Leave approved", "Approved requests whose last day is today or later."
    ),
    "leave.denied": Definition(
        "Leave denied", "Denied requests whose last day is today or later."
    ),
    "leave.undecidedStarted": Definition(
        "Undecided, already begun",
        "Requests submitted or in review whose first day is today or past.",
    ),
    "leave.onLeaveToday": Definition(
        "On leave today", "Distinct active pilots with approved leave covering today."
    ),
    "leave.daysThisMonth": Definition(
        "Leave days this month",
        "Distinct pilot-days of approved leave in the current calendar month.",
    ),
    "alerts.criticalExpired": Definition(
        "Pilots with an expired item", "Active pilots with at least one required item expired."
    ),
    "alerts.expiringThisWeek": Definition(
        "Lapse this week", f"Certifications with expiry {_days('days0to7')}. {_CERTIFICATION}"
    ),
    "alerts.missingCertifications": Definition(
        "Missing checks", "Checks that are required of a pilot and have no row at all."
    ),
    "retirement.overdue": Definition(
        "Past the limit",
        "Active pilots whose age limit is today or past. The limit bites on the birthday itself.",
    ),
    "retirement.years0to2": Definition(
        "Within 2 years", "Age limit after today and up to 2 years ahead."
    ),
    "retirement.years2to5": Definition("2 to 5 years", "Age limit over 2 and up to 5 years ahead."),
    "retirement.years5to10": Definition(
        "5 to 10 years", "Age limit over 5 and up to 10 years ahead."
    ),
    "retirement.unknown": Definition(
        "No date of birth", "Active pilots whose age limit cannot be known."
    ),
    "categories": Definition(
        "Validity by category",
        "(Current + expiring) / (current + expiring + expired + missing), per category.",
    ),
    "bands.days0to7": Definition("0-7 days", f"Expiry {_days('days0to7')}."),
    "bands.days8to30": Definition("8-30 days", f"Expiry {_days('days8to30')}."),
    "bands.days31to60": Definition("31-60 days", f"Expiry {_days('days31to60')}."),
    "bands.days61to90": Definition("61-90 days", f"Expiry {_days('days61to90')}."),
    "bands.later": Definition("> 90 days", f"Expiry {_days('later')}, or never."),
    "strength.required": Definition("Required", "Crew per hull x hulls of the fleet."),
    "strength.instructors": Definition(
        "Required instructors",
        "Training captains and examiners: one for every so many active pilots of the fleet, "
        "rounded up, fleet by fleet.",
    ),
    "strength.qualified": Definition(
        "Qualified",
        "Active pilots with no required item expired or missing, and below the age limit.",
    ),
    "strength.onLeave": Definition(
        "On leave", "Distinct active pilots with approved leave covering today."
    ),
    "strength.available": Definition(
        "Available today", "Qualified on paper and not on approved leave today."
    ),
    "strength.margin": Definition("Margin", "Available today minus the minimum of the day."),
    "strength.status": Definition(
        "Status",
        f"Active against required: {OK_SHARE} % or more is ok, {WATCH_SHARE} % or more is watch, "
        "else short.",
    ),
    "availability.ifRenewed": Definition(
        "If renewed",
        "Active today, less approved leave, less pilots at the age limit by that day. "
        "Assumes every renewal is done in time. Rotations of tours and commuting contracts "
        "are not subtracted.",
    ),
    "availability.onPaper": Definition(
        "On paper",
        "If renewed, less pilots with a required item missing or expired on that day as the "
        "documents stand now. Rotations of tours and commuting contracts are not subtracted.",
    ),
    "availability.daysBelow": Definition(
        "Days below minimum",
        "Days of the coming roster periods on which a fleet and rank is below its minimum if everything is renewed, "
        "summed over the groups.",
    ),
    "succession.ready": Definition(
        "Ready for command",
        "First officers with an ATPL, nothing required lapsed, and the service and age set "
        "under succession in the settings (15 years and 35 unless changed).",
    ),
    "succession.potential": Definition(
        "Potential",
        "First officers not yet ready with the service and age set for potential "
        "(10 years and 30 unless changed).",
    ),
    "succession.developing": Definition(
        "Developing", "Other first officers with the service set for developing (5 years)."
    ),
    "succession.notYet": Definition("Not yet", "First officers with less service than that."),
    "succession.captainsLeaving": Definition(
        "Captains leaving",
        f"Captains of the fleet at the age limit within {NEARING_YEARS} years, "
        "those past it included.",
    ),
    "certifications.toActOn": Definition(
        "To act on", "Active pilots not qualified on paper and not on approved leave today."
    ),
    "certifications.valid": Definition("Valid", f"Current or expiring. {_CERTIFICATION}"),
    "certifications.judged": Definition(
        "Judged", "Valid, expired, or required and missing: what the validity of a category is a share of."
    ),
    "certifications.dated": Definition("Dated", f"Valid or expired; all but the undated. {_CERTIFICATION}"),
    "certifications.expiringOn": Definition("Expire on the day", f"The printed day is this one. {_CERTIFICATION}"),
    "since.lapsed": Definition("Lapsed since yesterday", f"Valid through yesterday, and not renewed. {_CERTIFICATION}"),
    "since.renewed": Definition(
        "Renewed since yesterday", "Recorded since the start of yesterday after a row that stood before, of active pilots. What "
        "corrects a row renews nothing."
    ),
    "since.requests": Definition("Requests since yesterday", "Leave requests submitted since the start of yesterday."),
    "retirement.later": Definition("Over 10 years", "Age limit more than 10 years ahead."),
    "leave.due": Definition("Decisions due", "Undecided requests, due when the first roster period is published "
                            "that they touch from today on."),
    "leave.overdue": Definition("Decisions overdue", "Undecided requests that are not over, the period of which is published."),
    "leave.period.submitted": Definition("Submitted", "Requests submitted that touch the days shown."),
    "leave.period.in_review": Definition("In review", "Requests in review that touch the days shown."),
    "leave.period.approved": Definition("Approved", "Approved requests that touch the days shown."),
    "leave.period.denied": Definition("Denied", "Denied requests that touch the days shown."),
    "leave.daysAway": Definition("Days away", "Distinct pilot-days of approved leave in the days shown."),
    "availability.onLeave": Definition("Away on the day", "Distinct active pilots with approved leave covering the day."),
    "cache.hitRate": Definition(
        "Hit rate",
        "Reads served by memory or Redis / reads of pages and the API in the window; below it those that "
        "memory served without asking Redis. Warming and this page are not counted; no reads gives a dash.",
    ),
    "cache.withoutQuery": Definition(
        "Without a query", "Share of reads in the window that needed no query for numbers. The checks that "
        "prove them current are not counted.",
    ),
    "cache.keys": Definition("Keys held", "Cached values of fleetcache in Redis now."),
    "cache.memory": Definition("Redis memory", "Bytes of our values in Redis, and of the server in all."),
    "cache.latency": Definition("Redis latency", "One EXISTS from this instance, just now."),
    "cache.viewAge": Definition(
        "View age", "Since the snapshot of the last refresh. Age alone is not staleness."
    ),
    "strength.minimum": Definition(
        "Minimum", "Crew that must be available on any day, set per fleet and rank in the settings."
    ),
    "strength.instructorMargin": Definition(
        "Margin", "Training captains or examiners of the fleet minus those required."
    ),
    "retirement.timeline": Definition(
        "Age limit by month",
        "Active pilots who reach the age limit in the month, after today. Those already past it "
        "are not in it.",
    ),
    "retirement.outlook": Definition(
        "Crew if nobody is hired or promoted",
        "Active pilots below the age limit on the day, against the crew required today. Pilots "
        "without a date of birth are counted throughout.",
    ),
    "succession.cover": Definition(
        "Cover",
        "First officers ready for command / captains leaving, within the fleet, rounded down. "
        f"{OK_SHARE} % or more is covered, {WATCH_SHARE} % or more nearly, else not.",
    ),
    "certifications.nonCompliantPilots": Definition(
        "Not qualified on paper",
        "Active pilots with a required item expired or missing, or at or past the age limit. "
        "Those on approved leave today come after those to act on.",
    ),
    "certifications.renewalWindow": Definition(
        "Renewal window",
        "Renewed inside its window a check keeps its anniversary; renewed earlier, validity counts "
        f"anew from completion. Documents without a window are listed once expiring "
        f"({EXPIRING_DAYS} days or less ahead).",
    ),
    "leave.margin": Definition(
        "Margin",
        "If renewed minus the minimum on the worst day of the request, of those on which the pilot is not away "
        "already, before it is approved. If approved: the same with this pilot away; other undecided requests are not counted. "
        "Rotations of tours and commuting contracts are not subtracted.",
    ),
    "leave.kinds": Definition(
        "Decide or record",
        "Annual, long service and unpaid leave and days off are requested and can be refused. "
        "Sick, compassionate and maternity leave is notified: it is recorded in any case, and "
        "below minimum it raises an alarm.",
    ),
    "leave.inTime": Definition(
        "Deadline",
        "In time: submitted before the request deadline of the first roster period the request "
        "touches.",
    ),
    "leave.mayBeAway": Definition(
        "May be away",
        "How many may be on leave that day before the minimum is touched: on leave + if renewed - "
        "minimum. Rotations of tours and commuting contracts are not subtracted.",
    ),
    "leave.conflicts": Definition(
        "Conflicts",
        "Days on which approving every undecided request of a fleet and rank would go below its "
        "minimum. Notified leave comes first, then seniority, then submission time.",
    ),
    "leave.daysByMonth": Definition(
        "Leave by month", "Distinct pilot-days of approved leave per calendar month and type."
    ),
}
