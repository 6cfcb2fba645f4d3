-- Approved requests whose last day is today or later, by type, fleet and rank.
SELECT jsonb_build_object(
    'total', coalesce(sum(requests), 0),
    'onLeaveToday', (SELECT count(DISTINCT pilot_id) FROM leave_facts CROSS JOIN rules
                     WHERE status = 'APPROVED' AND today BETWEEN first_day AND last_day),
    'cells', coalesce(jsonb_agg(jsonb_build_object(
        'leaveType', leave_type, 'fleet', fleet, 'rank', rank, 'requests', requests,
        'onLeaveToday', on_leave_today) ORDER BY leave_type, fleet, rank), '[]'))
FROM (
    SELECT leave_type, fleet, rank, count(*) AS requests,
           count(DISTINCT pilot_id) FILTER (WHERE first_day <= today) AS on_leave_today
    FROM leave_facts CROSS JOIN rules
    WHERE status = 'APPROVED' AND last_day >= today
    GROUP BY leave_type, fleet, rank
) AS cells
