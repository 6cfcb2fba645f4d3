-- Requests that are decided, withdrawn or not submitted yet, and whose last day is today or later.
SELECT l.request_id, i.employee_number, i.name, l.fleet, l.rank, l.seniority, l.leave_type,
       l.status, l.first_day, l.last_day, l.last_day - l.first_day + 1 AS days, q.decided_by, q.decision_reason
FROM leave_facts l JOIN leave_requests q ON q.id = l.request_id JOIN ({people/names}) AS i ON i.pilot_id = l.pilot_id
CROSS JOIN rules r
WHERE NOT l.pending AND l.last_day >= r.today
  AND (:fleet::text IS NULL OR l.fleet = :fleet) AND (:rank::text IS NULL OR l.rank = :rank)
ORDER BY l.first_day, i.employee_number
LIMIT :most
