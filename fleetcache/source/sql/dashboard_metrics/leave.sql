-- Leave requests whose last day is today or later; undecided ones already begun count however old.
SELECT jsonb_build_object(
    'pending',          count(*) FILTER (WHERE pending AND last_day >= today),
    'approved',         count(*) FILTER (WHERE status = 'APPROVED' AND last_day >= today),
    'denied',           count(*) FILTER (WHERE status = 'DENIED' AND last_day >= today),
    'undecidedStarted', count(*) FILTER (WHERE pending AND first_day <= today))
FROM leave_facts CROSS JOIN rules
