-- Leave by type and month, by roster period, and the crew that remains on every day of the coming periods.
WITH span AS (
    SELECT today, first_day, (roster_period(roster_index(today) + {availability_periods} - 1)).last_day AS last_day
    FROM rules CROSS JOIN LATERAL roster_period(roster_index(today))
), days AS (
    SELECT day::date AS day FROM span, generate_series(today, last_day, interval '1 day') AS day
), absent AS (
    SELECT DISTINCT l.pilot_id, d.day::date AS day
    FROM span CROSS JOIN leave_facts l
    CROSS JOIN LATERAL generate_series(greatest(l.first_day, today), least(l.last_day, span.last_day),
                                       interval '1 day') AS d(day)
    WHERE l.status = 'APPROVED' AND l.last_day >= today AND l.first_day <= span.last_day
), people AS (
    SELECT pilot_id, fleet, rank, retires_on,
           CASE WHEN missing > 0 THEN '-infinity'::date ELSE first_expiry + 1 END AS lapses_on
    FROM pilot_compliance
), groups AS (
    SELECT code AS fleet, 'captain' AS rank, minimum_captains AS minimum FROM fleets
    UNION ALL SELECT code, 'first_officer', minimum_first_officers FROM fleets
), lines AS (
    SELECT g.fleet, g.rank, g.minimum, d.day, count(p.pilot_id) AS active,
           count(a.pilot_id) AS on_leave,
           count(p.pilot_id) FILTER (WHERE a.pilot_id IS NULL
                              AND (p.retires_on IS NULL OR p.retires_on > d.day)) AS if_renewed,
           count(p.pilot_id) FILTER (WHERE a.pilot_id IS NULL
                              AND (p.retires_on IS NULL OR p.retires_on > d.day)
                              AND (p.lapses_on IS NULL OR p.lapses_on > d.day)) AS on_paper
    FROM groups g CROSS JOIN days d
    LEFT JOIN people p ON p.fleet = g.fleet AND p.rank = g.rank
    LEFT JOIN absent a ON a.pilot_id = p.pilot_id AND a.day = d.day
    GROUP BY g.fleet, g.rank, g.minimum, d.day
), availability AS (
    SELECT fleet, rank, minimum, max(active) AS active,
           jsonb_agg(on_leave ORDER BY day) AS on_leave,
           jsonb_agg(if_renewed ORDER BY day) AS if_renewed,
           jsonb_agg(on_paper ORDER BY day) AS on_paper
    FROM lines GROUP BY fleet, rank, minimum
), months AS (
    SELECT date_trunc('month', d.day)::date AS month, l.leave_type, count(DISTINCT (l.pilot_id, d.day)) AS days
    FROM rules CROSS JOIN leave_facts l
    CROSS JOIN LATERAL generate_series(
        greatest(l.first_day, (date_trunc('month', today::timestamp) - interval '12 months')::date),
        least(l.last_day, (date_trunc('month', today::timestamp) + interval '13 months')::date - 1),
        interval '1 day') AS d(day)
    WHERE l.status = 'APPROVED'
    GROUP BY 1, 2
), periods AS (
    SELECT r.name, r.first_day, r.last_day, r.deadline_at, r.publication_day,
           count(*) FILTER (WHERE l.status = 'SUBMITTED') AS submitted,
           count(*) FILTER (WHERE l.status = 'IN_REVIEW') AS in_review,
           count(*) FILTER (WHERE l.status = 'APPROVED')  AS approved,
           count(*) FILTER (WHERE l.status = 'DENIED')    AS denied,
           (SELECT count(DISTINCT (a.pilot_id, d.day))
            FROM leave_facts a CROSS JOIN LATERAL generate_series(greatest(a.first_day, r.first_day),
                 least(a.last_day, r.last_day), interval '1 day') AS d(day)
            WHERE a.status = 'APPROVED' AND a.first_day <= r.last_day AND a.last_day >= r.first_day) AS days_away
    FROM rules CROSS JOIN generate_series(0, roster_periods_per_year - 1) AS ahead
    CROSS JOIN LATERAL roster_period(roster_index(today) + ahead) AS r
    LEFT JOIN leave_facts l ON l.first_day <= r.last_day AND l.last_day >= r.first_day
    GROUP BY r.name, r.first_day, r.last_day, r.deadline_at, r.publication_day
)
SELECT jsonb_build_object(
    'totals', ({dashboard_metrics/leave}),
    'today', ({dashboard_metrics/leave_today}),
    'months', (SELECT coalesce(jsonb_agg(jsonb_build_object('month', month, 'leaveType', leave_type, 'days', days)
               ORDER BY month, leave_type), '[]') FROM months),
    'periods', (SELECT jsonb_agg(jsonb_build_object(
            'name', name, 'firstDay', first_day, 'lastDay', last_day, 'deadlineAt', deadline_at,
            'publicationDay', publication_day, 'submitted', submitted, 'inReview', in_review,
            'approved', approved, 'denied', denied, 'daysAway', days_away) ORDER BY first_day) FROM periods),
    'firstDay', (SELECT today FROM rules),
    'availability', (SELECT coalesce(jsonb_agg(jsonb_build_object(
            'fleet', fleet, 'rank', rank, 'active', active, 'minimum', minimum, 'onLeave', on_leave,
            'ifRenewed', if_renewed, 'onPaper', on_paper) ORDER BY fleet, rank), '[]') FROM availability))
