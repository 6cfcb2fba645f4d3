-- A pilot's days of approved leave in one calendar year, by type.
SELECT l.leave_type, count(DISTINCT d.day) AS days
FROM leave_requests l CROSS JOIN LATERAL generate_series(
    greatest(l.first_day, make_date(:year, 1, 1))::timestamp,
    least(coalesce(l.last_day, l.first_day), make_date(:year + 1, 1, 1) - 1), interval '1 day') AS d(day)
WHERE l.pilot_id = :pilot AND l.status = 'APPROVED'
GROUP BY l.leave_type ORDER BY days DESC, l.leave_type
