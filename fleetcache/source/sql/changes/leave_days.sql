-- How the crew of one fleet and rank stands on each day of a range that is still to come, and whether one pilot
-- counts in it: the availability of fleet_leave_stats.sql, for any range.
WITH days AS MATERIALIZED (
    SELECT d::date AS day
    FROM rules CROSS JOIN generate_series(greatest(CAST(:first AS date), today)::timestamp, CAST(:last AS date), interval '1 day') AS d
), people AS MATERIALIZED (
    SELECT pilot_id, coalesce(retires_on, 'infinity'::date) AS retires_on,
           CASE WHEN missing > 0 THEN '-infinity'::date ELSE coalesce(first_expiry + 1, 'infinity'::date) END AS lapses_on
    FROM pilot_compliance WHERE fleet = :fleet AND rank = :rank
), absent AS (
    SELECT DISTINCT l.pilot_id, d.day FROM leave_facts l JOIN days d ON d.day BETWEEN l.first_day AND l.last_day
    WHERE l.status = 'APPROVED' AND l.fleet = :fleet AND l.rank = :rank
), least AS (
    SELECT CASE :rank WHEN 'captain' THEN minimum_captains ELSE minimum_first_officers END AS minimum
    FROM fleets WHERE code = :fleet
)
SELECT d.day, (SELECT minimum FROM least) AS minimum,
       count(*) FILTER (WHERE p.retires_on > d.day AND a.day IS NULL) AS if_renewed,
       count(*) FILTER (WHERE p.retires_on > d.day AND p.lapses_on > d.day AND a.day IS NULL) AS on_paper,
       coalesce(bool_or(p.retires_on > d.day AND a.day IS NULL) FILTER (WHERE p.pilot_id = :pilot), false) AS goes,
       coalesce(bool_or(p.retires_on > d.day AND p.lapses_on > d.day AND a.day IS NULL)
                FILTER (WHERE p.pilot_id = :pilot), false) AS goes_on_paper
FROM days d CROSS JOIN people p LEFT JOIN absent a ON a.pilot_id = p.pilot_id AND a.day = d.day
GROUP BY d.day ORDER BY d.day
