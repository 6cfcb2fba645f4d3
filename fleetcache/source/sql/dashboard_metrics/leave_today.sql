-- Distinct pilots on approved leave today, and distinct pilot-days of it in the calendar month.
SELECT jsonb_build_object(
    'onLeaveToday',  count(DISTINCT pilot_id) FILTER (WHERE day = today),
    'daysThisMonth', count(DISTINCT (pilot_id, day)))
FROM (
    SELECT today, date_trunc('month', today::timestamp)::date AS first_of_month,
           (date_trunc('month', today::timestamp) + interval '1 month')::date - 1 AS last_of_month
    FROM rules
) AS month
JOIN leave_facts ON status = 'APPROVED' AND first_day <= last_of_month AND last_day >= first_of_month
CROSS JOIN LATERAL generate_series(greatest(first_day, first_of_month), least(last_day, last_of_month),
                                   interval '1 day') AS days(day)
