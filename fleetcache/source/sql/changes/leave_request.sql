-- One leave request with its pilot, by number; its version is the transaction that wrote it.
SELECT l.id AS request_id, l.xmin::text AS version, l.pilot_id, i.name,
       i.employee_number, p.fleet, p.rank, p.seniority, p.active, l.leave_type, l.status, l.channel, l.first_day,
       coalesce(l.last_day, l.first_day) AS last_day, l.submitted_at, l.decided_at, l.decided_by, l.decision_reason,
       n.name AS period, n.publication_day, f.name AS deadline_period, f.deadline_at, l.submitted_at < f.deadline_at AS in_time,
       (SELECT today FROM rules) AS today, now()
FROM leave_requests l JOIN pilots p ON p.id = l.pilot_id JOIN ({people/names}) AS i ON i.pilot_id = p.id
CROSS JOIN LATERAL roster_period(roster_index(l.first_day)) AS f
CROSS JOIN LATERAL roster_period(roster_index(
    least(greatest(l.first_day, (SELECT today FROM rules)), coalesce(l.last_day, l.first_day)))) AS n
WHERE l.id = :request
