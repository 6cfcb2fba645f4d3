-- Who reaches the age limit when, the crew that would remain, and the first officers who could follow.
WITH cells AS (
    SELECT fleet, rank,
           count(*) FILTER (WHERE retirement = 'overdue')    AS overdue,
           count(*) FILTER (WHERE retirement = 'years0to2')  AS years0to2,
           count(*) FILTER (WHERE retirement = 'years2to5')  AS years2to5,
           count(*) FILTER (WHERE retirement = 'years5to10') AS years5to10,
           count(*) FILTER (WHERE retirement = 'later')      AS later,
           count(*) FILTER (WHERE retirement = 'unknown')    AS unknown
    FROM pilot_facts WHERE active GROUP BY fleet, rank
), months AS (
    SELECT date_trunc('month', retires_on::timestamp)::date AS month, fleet, rank, count(*) AS pilots
    FROM pilot_facts CROSS JOIN rules
    WHERE active AND retires_on > today
      AND retires_on < (date_trunc('month', today::timestamp) + make_interval(months => {retirement_months}))
    GROUP BY 1, 2, 3
), groups AS (
    SELECT f.code AS fleet, g.rank,
           hulls * CASE g.rank WHEN 'captain' THEN captains_per_hull ELSE first_officers_per_hull END AS required
    FROM fleets f CROSS JOIN (VALUES ('captain'), ('first_officer')) AS g(rank)
), outlook AS (
    SELECT y AS years, birthday(today, y) AS day, g.fleet, g.rank, g.required,
           count(p.pilot_id) FILTER (WHERE p.retires_on IS NULL OR p.retires_on > birthday(today, y)) AS crew
    FROM rules CROSS JOIN generate_series(0, {outlook_years}) AS y CROSS JOIN groups g
    LEFT JOIN pilot_facts p ON p.active AND p.fleet = g.fleet AND p.rank = g.rank
    GROUP BY y, today, g.fleet, g.rank, g.required
), followers AS (
    SELECT fleet,
           count(*) FILTER (WHERE readiness = 'ready')      AS ready,
           count(*) FILTER (WHERE readiness = 'potential')  AS potential,
           count(*) FILTER (WHERE readiness = 'developing') AS developing,
           count(*) FILTER (WHERE readiness = 'notYet')     AS not_yet
    FROM succession_facts GROUP BY fleet
), leaving AS (
    SELECT fleet, count(*) AS captains
    FROM pilot_facts CROSS JOIN rules
    WHERE active AND rank = 'captain' AND retires_on <= birthday(today, {nearing_years})
    GROUP BY fleet
)
SELECT jsonb_build_object(
    'buckets', ({dashboard_metrics/retirement}),
    'cells', (SELECT coalesce(jsonb_agg(jsonb_build_object(
            'fleet', fleet, 'rank', rank, 'overdue', overdue, 'years0to2', years0to2, 'years2to5', years2to5,
            'years5to10', years5to10, 'later', later, 'unknown', unknown) ORDER BY fleet, rank), '[]') FROM cells),
    'months', (SELECT coalesce(jsonb_agg(jsonb_build_object(
            'month', month, 'fleet', fleet, 'rank', rank, 'count', pilots) ORDER BY month, fleet, rank), '[]')
            FROM months),
    'outlook', (SELECT coalesce(jsonb_agg(jsonb_build_object(
            'years', years, 'day', day, 'fleet', fleet, 'rank', rank, 'crew', crew, 'required', required)
            ORDER BY years, fleet, rank), '[]') FROM outlook),
    'succession', (SELECT coalesce(jsonb_agg(jsonb_build_object(
            'fleet', f.code, 'ready', coalesce(ready, 0), 'potential', coalesce(potential, 0),
            'developing', coalesce(developing, 0), 'notYet', coalesce(not_yet, 0),
            'captainsLeaving', coalesce(captains, 0)) ORDER BY f.code), '[]')
            FROM fleets f LEFT JOIN followers w ON w.fleet = f.code LEFT JOIN leaving l ON l.fleet = f.code))
