-- Undecided requests that are not over, and the ones that began without a decision, by the publication day of the
-- roster period they begin in, then by seniority and time.
SELECT l.request_id, i.employee_number, i.name, l.fleet, l.rank, l.seniority,
       l.leave_type, l.status, l.channel, l.first_day, l.last_day, l.last_day - l.first_day + 1 AS days, l.submitted_at,
       p.retires_on, n.name AS period, n.publication_day, n.deadline_at, l.submitted_at < n.deadline_at AS in_time
FROM (
    SELECT *, floor((first_day - (SELECT roster_anchor FROM rules))::numeric
                    / (SELECT roster_days FROM rules))::integer AS period
    FROM leave_facts WHERE pending
) AS l
JOIN (
    SELECT index, r.* FROM generate_series(
        (SELECT roster_index(min(first_day)) FROM leave_facts WHERE pending),
        (SELECT roster_index(max(first_day)) FROM leave_facts WHERE pending)) AS index
    CROSS JOIN LATERAL roster_period(index) AS r
) AS n ON n.index = l.period
JOIN ({people/names}) AS i USING (pilot_id) JOIN pilot_facts p USING (pilot_id)
WHERE (:fleet::text IS NULL OR l.fleet = :fleet) AND (:rank::text IS NULL OR l.rank = :rank)
ORDER BY n.publication_day, l.seniority, l.submitted_at
LIMIT :most
