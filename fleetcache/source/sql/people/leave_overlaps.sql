-- Requests of one pilot that overlap, both undecided or approved, and not over yet.
SELECT i.employee_number, i.name, a.fleet, a.rank,
       a.leave_type AS first_type, a.status AS first_status, a.first_day AS first_from, a.last_day AS first_to,
       b.leave_type AS second_type, b.status AS second_status, b.first_day AS second_from, b.last_day AS second_to
FROM leave_facts a
JOIN leave_facts b ON b.pilot_id = a.pilot_id AND b.request_id > a.request_id
     AND b.first_day <= a.last_day AND b.last_day >= a.first_day
JOIN ({people/names}) AS i ON i.pilot_id = a.pilot_id CROSS JOIN rules r
WHERE a.status IN ('SUBMITTED', 'IN_REVIEW', 'APPROVED') AND b.status IN ('SUBMITTED', 'IN_REVIEW', 'APPROVED')
  AND greatest(a.last_day, b.last_day) >= r.today
  AND (:fleet::text IS NULL OR a.fleet = :fleet) AND (:rank::text IS NULL OR a.rank = :rank)
ORDER BY least(a.first_day, b.first_day), i.employee_number
LIMIT :most
