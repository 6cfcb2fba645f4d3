-- Rows that expire today or in the calendar's days ahead, by day, category, fleet and rank.
SELECT jsonb_build_object('days', coalesce(jsonb_agg(jsonb_build_object(
        'day', expires_on, 'category', category, 'fleet', fleet, 'rank', rank, 'count', rows)
        ORDER BY expires_on, category, fleet, rank), '[]'))
FROM (
    SELECT f.expires_on, t.category, p.fleet, p.rank, count(*) AS rows
    FROM check_facts f JOIN pilots p ON p.id = f.pilot_id JOIN check_types t ON t.code = f.check_type
    WHERE f.held AND f.days_left BETWEEN 0 AND {calendar_days}
    GROUP BY f.expires_on, t.category, p.fleet, p.rank
) AS days
