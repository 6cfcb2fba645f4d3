-- Every category of checks by state, empty ones too.
SELECT coalesce(jsonb_object_agg(category, states), '{}')
FROM (
    SELECT t.category, jsonb_build_object(
        'total',    count(f.pilot_id) FILTER (WHERE f.held),
        'current',  count(*) FILTER (WHERE f.state = 'current'),
        'expiring', count(*) FILTER (WHERE f.state = 'expiring'),
        'expired',  count(*) FILTER (WHERE f.state = 'expired'),
        'missing',  count(*) FILTER (WHERE f.state = 'missing'),
        'undated',  count(*) FILTER (WHERE f.state = 'undated')) AS states
    FROM check_types t LEFT JOIN check_facts f ON f.check_type = t.code
    GROUP BY t.category
) AS by_category
