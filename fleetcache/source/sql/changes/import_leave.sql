-- Every leave request of the pilots of a file.
SELECT pilot_id, leave_type, first_day, coalesce(last_day, first_day) AS last_day, status
FROM leave_requests WHERE pilot_id = ANY(:pilots) ORDER BY id
