-- Undecided requests, by the publication day of the first roster period they still touch, then by seniority.
SELECT l.request_id, i.employee_number, i.family_name || ', ' || i.given_name AS name, l.fleet, l.rank, l.seniority,
       l.leave_type, l.status, l.channel, l.first_day, l.last_day, l.last_day - l.first_day + 1 AS days, l.submitted_at,
       n.name AS period, n.publication_day, n.deadline_at, l.submitted_at < n.deadline_at AS in_time
FROM leave_facts l JOIN pilot_identity i USING (pilot_id) CROSS JOIN rules r
CROSS JOIN LATERAL roster_period(roster_index(l.first_day)) AS n
WHERE l.pending AND (l.last_day >= r.today OR l.first_day <= r.today)
  AND (:fleet::text IS NULL OR l.fleet = :fleet) AND (:rank::text IS NULL OR l.rank = :rank)
ORDER BY n.publication_day, l.seniority, l.submitted_at
LIMIT :most
