-- The headline figures of the day that a transaction asks about, for the trends; nothing without pilots.
INSERT INTO daily_metrics (day, total, active, captains, first_officers, training_captains, examiners, compliant,
                           unproven, expired, expiring, missing, on_leave, pending)
SELECT today(), people.*, compliance.*, checks.*, leave.*
FROM (SELECT count(*) AS total, count(*) FILTER (WHERE active), count(*) FILTER (WHERE active AND rank = 'captain'),
             count(*) FILTER (WHERE active AND rank = 'first_officer'),
             count(*) FILTER (WHERE active AND training_captain), count(*) FILTER (WHERE active AND examiner)
      FROM pilots) AS people
CROSS JOIN (SELECT count(*) FILTER (WHERE compliance = 'compliant'), count(*) FILTER (WHERE compliance = 'unproven')
            FROM pilot_compliance) AS compliance
CROSS JOIN (SELECT count(*) FILTER (WHERE held AND state = 'expired'), count(*) FILTER (WHERE held AND state = 'expiring'),
                   count(*) FILTER (WHERE state = 'missing')
            FROM check_facts) AS checks
CROSS JOIN (SELECT count(DISTINCT pilot_id) FILTER (WHERE status = 'APPROVED' AND today() BETWEEN first_day AND last_day),
                   count(*) FILTER (WHERE pending AND last_day >= today())
            FROM leave_facts) AS leave
WHERE people.total > 0
ON CONFLICT (day) DO NOTHING
