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
    SELECT pilot_id, fleet, rank,
           CASE WHEN retires_on <= last_day THEN retires_on ELSE 'infinity'::date END AS retires_on,
           CASE WHEN missing > 0 THEN '-infinity'::date WHEN first_expiry < last_day THEN first_expiry + 1
                ELSE 'infinity'::date END AS lapses_on
    FROM pilot_compliance CROSS JOIN span
), alike AS (
    SELECT fleet, rank, retires_on, lapses_on, count(*) AS pilots FROM people GROUP BY fleet, rank, retires_on, lapses_on
), crew AS (
    SELECT fleet, rank, day, sum(pilots) AS active,
           sum(pilots) FILTER (WHERE retires_on > day)                       AS if_renewed,
           sum(pilots) FILTER (WHERE retires_on > day AND lapses_on > day)   AS on_paper
    FROM alike CROSS JOIN days GROUP BY fleet, rank, day
), away AS (
    SELECT fleet, rank, day, count(*) AS on_leave,
           count(*) FILTER (WHERE retires_on > day)                          AS if_renewed,
           count(*) FILTER (WHERE retires_on > day AND lapses_on > day)      AS on_paper
    FROM absent JOIN people USING (pilot_id) JOIN days USING (day) GROUP BY fleet, rank, day
), groups AS (
    SELECT code AS fleet, 'captain' AS rank, minimum_captains AS minimum FROM fleets
    UNION ALL SELECT code, 'first_officer', minimum_first_officers FROM fleets
), lines AS (
    SELECT fleet, rank, minimum, day, coalesce(crew.active, 0) AS active, coalesce(away.on_leave, 0) AS on_leave,
           coalesce(crew.if_renewed, 0) - coalesce(away.if_renewed, 0) AS if_renewed,
           coalesce(crew.on_paper, 0) - coalesce(away.on_paper, 0) AS on_paper
    FROM groups CROSS JOIN days LEFT JOIN crew USING (fleet, rank, day) LEFT JOIN away USING (fleet, rank, day)
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
