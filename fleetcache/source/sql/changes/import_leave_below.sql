-- Days to come on which approved requests, a batch of them as JSON, bring a fleet and rank below its minimum or further
-- below: the availability of leave_days.sql, for many requests at once.
WITH asked AS MATERIALIZED (
    -- Ranges that touch or overlap as one: a file may ask for the same days many times.
    SELECT pilot_id, notified, lower(days) AS first_day, upper(days) - 1 AS last_day
    FROM (
        SELECT pilot_id, notified, unnest(range_agg(daterange(first_day, coalesce(last_day, first_day), '[]'))) AS days
        FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
            pilot_id bigint, status text, notified boolean, first_day date, last_day date)
        WHERE status = 'APPROVED' GROUP BY pilot_id, notified
    ) AS ranges
), crew AS MATERIALIZED (
    SELECT pilot_id, fleet, rank, coalesce(retires_on, 'infinity'::date) AS retires_on FROM pilot_facts WHERE active
), absent AS MATERIALIZED (
    SELECT DISTINCT pilot_id, d::date AS day
    FROM leave_facts CROSS JOIN rules
    CROSS JOIN LATERAL generate_series(greatest(first_day, today)::timestamp, last_day, interval '1 day') AS d
    WHERE status = 'APPROVED' AND last_day >= today
      AND last_day >= (SELECT min(first_day) FROM asked) AND first_day <= (SELECT max(last_day) FROM asked)
), goes AS (
    SELECT c.fleet, c.rank, d::date AS day, count(DISTINCT a.pilot_id) AS goes, bool_or(NOT a.notified) AS asked
    FROM asked a JOIN crew c USING (pilot_id) CROSS JOIN rules
    CROSS JOIN LATERAL generate_series(greatest(a.first_day, today)::timestamp, a.last_day, interval '1 day') AS d
    WHERE c.retires_on > d::date
      AND NOT EXISTS (SELECT FROM absent b WHERE b.pilot_id = a.pilot_id AND b.day = d::date)
    GROUP BY c.fleet, c.rank, d::date
), there AS (
    SELECT g.fleet, g.rank, g.day, g.goes, g.asked, count(*) FILTER (WHERE c.retires_on > g.day) AS crew
    FROM goes g JOIN crew c USING (fleet, rank) GROUP BY g.fleet, g.rank, g.day, g.goes, g.asked
), away AS (
    SELECT c.fleet, c.rank, b.day, count(*) AS away
    FROM absent b JOIN crew c USING (pilot_id) WHERE c.retires_on > b.day GROUP BY c.fleet, c.rank, b.day
), after AS (
    SELECT t.fleet, t.rank, t.day, t.asked, t.crew - coalesce(y.away, 0) - t.goes AS available,
           CASE t.rank WHEN 'captain' THEN f.minimum_captains ELSE f.minimum_first_officers END AS minimum
    FROM there t JOIN fleets f ON f.code = t.fleet LEFT JOIN away y USING (fleet, rank, day)
)
SELECT fleet, rank, count(*) AS days, count(*) FILTER (WHERE asked) AS asked, (array_agg(day ORDER BY available - minimum, day))[1] AS worst_day,
       (array_agg(available ORDER BY available - minimum, day))[1] AS worst, min(minimum) AS minimum
FROM after WHERE available < minimum GROUP BY fleet, rank ORDER BY fleet, rank
