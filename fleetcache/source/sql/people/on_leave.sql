-- Who is away today on approved leave, one row per pilot, and until when.
SELECT i.employee_number, i.name, l.fleet, l.rank,
       string_agg(DISTINCT l.leave_type, ', ') AS leave_type, min(l.first_day) AS first_day, max(l.last_day) AS last_day
FROM leave_facts l JOIN ({people/names}) AS i USING (pilot_id) CROSS JOIN rules r
WHERE l.status = 'APPROVED' AND r.today BETWEEN l.first_day AND l.last_day
  AND (:fleet::text IS NULL OR l.fleet = :fleet) AND (:rank::text IS NULL OR l.rank = :rank)
GROUP BY i.pilot_id, i.employee_number, i.name, l.fleet, l.rank
ORDER BY last_day DESC, i.employee_number
LIMIT :most
