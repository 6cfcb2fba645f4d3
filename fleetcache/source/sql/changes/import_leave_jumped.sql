-- Undecided requests of more senior pilots of the same fleet and rank, on file or in the same file (as JSON), for any of the
-- same days to come as approved ones of the file: those of leave_before.sql, for many requests at once.
WITH given AS MATERIALIZED (
    SELECT r.pilot_id, r.status, p.fleet, p.rank, p.seniority, r.first_day, coalesce(r.last_day, r.first_day) AS last_day
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        pilot_id bigint, status text, notified boolean, first_day date, last_day date)
    JOIN pilots p ON p.id = r.pilot_id AND p.active
    WHERE NOT r.notified
), approved AS MATERIALIZED (
    SELECT pilot_id, fleet, rank, seniority, unnest(range_agg(daterange(greatest(first_day, today), last_day, '[]'))) AS days
    FROM given CROSS JOIN rules WHERE status = 'APPROVED' AND last_day >= today
    GROUP BY pilot_id, fleet, rank, seniority
), undecided AS (
    SELECT fleet, rank, seniority, first_day, last_day FROM leave_facts
    WHERE pending AND NOT leave_type = ANY(:notified)
    UNION ALL SELECT fleet, rank, seniority, first_day, last_day FROM given WHERE status = 'SUBMITTED'
)
SELECT u.fleet, u.rank, count(*) AS requests
FROM undecided u
WHERE EXISTS (
    SELECT FROM approved a
    WHERE a.fleet = u.fleet AND a.rank = u.rank AND u.seniority < a.seniority
      AND a.days && daterange(u.first_day, u.last_day, '[]'))
GROUP BY u.fleet, u.rank ORDER BY u.fleet, u.rank
