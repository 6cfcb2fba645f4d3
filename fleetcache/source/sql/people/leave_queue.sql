-- Undecided requests that are not over, and the ones that ended without a decision, by the publication day of the first
-- roster period that they touch from today on (of one that is over, the last), then by seniority and time. Whether they
-- came in time is said by the deadline of the first period they touch at all.
WITH pending AS MATERIALIZED (
    SELECT l.*, floor((first_day - r.roster_anchor)::numeric / r.roster_days)::integer AS begins_in,
           floor((least(greatest(first_day, r.today), last_day) - r.roster_anchor)::numeric / r.roster_days)::integer AS due_in
    FROM leave_facts l CROSS JOIN (SELECT today, roster_anchor, roster_days FROM rules OFFSET 0) AS r WHERE pending
), periods AS MATERIALIZED (
    SELECT index, r.* FROM generate_series((SELECT min(begins_in) FROM pending), (SELECT max(due_in) FROM pending)) AS index
    CROSS JOIN LATERAL roster_period(index) AS r
)
SELECT l.request_id, i.employee_number, i.name, l.fleet, l.rank, l.seniority,
       l.leave_type, l.status, l.channel, l.first_day, l.last_day, l.last_day - l.first_day + 1 AS days, l.submitted_at,
       p.retires_on, n.name AS period, n.publication_day, f.deadline_at, l.submitted_at < f.deadline_at AS in_time
FROM pending l JOIN periods n ON n.index = l.due_in JOIN periods f ON f.index = l.begins_in
JOIN ({people/names}) AS i USING (pilot_id) JOIN pilot_facts p USING (pilot_id)
WHERE (:fleet::text IS NULL OR l.fleet = :fleet) AND (:rank::text IS NULL OR l.rank = :rank)
ORDER BY n.publication_day, l.seniority, l.submitted_at
LIMIT :most
