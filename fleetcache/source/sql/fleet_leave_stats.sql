-- Leave by type and month, by roster period, and the crew that remains on every day of the coming periods.
WITH span AS MATERIALIZED (
    SELECT today, time_zone, roster_index(today) AS first_period, roster_periods_per_year AS periods,
           (SELECT last_day FROM roster_period(roster_index(today) + {availability_periods} - 1)) AS last_day,
           (date_trunc('month', today::timestamp) - interval '12 months')::date AS first_month,
           (date_trunc('month', today::timestamp) + interval '13 months')::date - 1 AS last_month
    FROM rules
), coming AS MATERIALIZED (
    SELECT r.* FROM span CROSS JOIN generate_series(first_period, first_period + periods - 1) AS n
    CROSS JOIN LATERAL roster_period(n) AS r
), requests AS MATERIALIZED (
    SELECT * FROM leave_facts WHERE last_day >= (SELECT least(first_month, (SELECT min(first_day) FROM coming)) FROM span)
), leave_days AS MATERIALIZED (
    SELECT DISTINCT l.pilot_id, l.leave_type, d.day::date AS day
    FROM requests l CROSS JOIN LATERAL generate_series(
        greatest(l.first_day, (SELECT least(first_month, (SELECT min(first_day) FROM coming)) FROM span)),
        least(l.last_day, (SELECT greatest(last_month, (SELECT max(last_day) FROM coming)) FROM span)),
        interval '1 day') AS d(day)
    WHERE l.status = 'APPROVED'
), absent AS MATERIALIZED (
    SELECT DISTINCT pilot_id, day FROM leave_days WHERE day >= (SELECT min(first_day) FROM coming)
), days AS (
    SELECT day::date AS day FROM span, generate_series(today, last_day, interval '1 day') AS day
), people AS MATERIALIZED (
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
    SELECT date_trunc('month', day::timestamp)::date AS month, leave_type, count(*) AS days
    FROM leave_days CROSS JOIN span WHERE day BETWEEN first_month AND last_month
    GROUP BY 1, 2
), periods AS (
    SELECT r.*, asked.*,
           (SELECT count(*) FROM absent a WHERE a.day BETWEEN r.first_day AND r.last_day) AS days_away
    FROM coming r CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE status = 'SUBMITTED') AS submitted,
               count(*) FILTER (WHERE status = 'IN_REVIEW') AS in_review,
               count(*) FILTER (WHERE status = 'APPROVED')  AS approved,
               count(*) FILTER (WHERE status = 'DENIED')    AS denied
        FROM requests l WHERE l.first_day <= r.last_day AND l.last_day >= r.first_day) AS asked
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
    'firstDay', (SELECT today FROM span),
    'availability', (SELECT coalesce(jsonb_agg(jsonb_build_object(
            'fleet', fleet, 'rank', rank, 'active', active, 'minimum', minimum, 'onLeave', on_leave,
            'ifRenewed', if_renewed, 'onPaper', on_paper) ORDER BY fleet, rank), '[]') FROM availability))
