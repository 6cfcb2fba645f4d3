-- Days on which a pilot is away on approved leave, from :first to :last, one row per pilot and day.
SELECT i.employee_number, i.name, l.fleet, l.rank, d.day::date AS day,
       string_agg(DISTINCT l.leave_type, ', ') AS leave_type
FROM leave_facts l JOIN ({people/names}) AS i USING (pilot_id)
CROSS JOIN LATERAL generate_series(greatest(l.first_day, :first), least(l.last_day, :last), interval '1 day') AS d(day)
WHERE l.status = 'APPROVED' AND l.first_day <= :last AND l.last_day >= :first
  AND (:fleet::text IS NULL OR l.fleet = :fleet) AND (:rank::text IS NULL OR l.rank = :rank)
  AND (:leave_type::text IS NULL OR l.leave_type = :leave_type)
GROUP BY i.pilot_id, i.employee_number, i.name, l.fleet, l.rank, d.day
ORDER BY d.day, i.employee_number
LIMIT :most
