-- Undecided requests of others in the same fleet and rank that come before one, for any of the same days to come: the more
-- senior ones. Notified leave is not asked for, so it waits for nobody and nobody for it.
SELECT l.request_id, i.name, l.seniority, l.leave_type, l.status,
       l.first_day, l.last_day, l.submitted_at
FROM leave_facts l JOIN ({people/names}) AS i USING (pilot_id)
WHERE l.pending AND l.fleet = :fleet AND l.rank = :rank AND l.request_id <> :request AND l.pilot_id <> :pilot
  AND l.first_day <= :last AND l.last_day >= greatest(CAST(:first AS date), (SELECT today FROM rules))
  AND :last >= (SELECT today FROM rules)
  AND NOT l.leave_type = ANY(:notified) AND l.seniority < :seniority
ORDER BY l.seniority, l.submitted_at
