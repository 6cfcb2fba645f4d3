-- Leave requests of active pilots. :ahead are not over yet, :begun have begun; :first and :last are days that they touch;
-- :period is the roster period that is the first they touch from today on, :overdue if its roster is out.
SELECT l.request_id, i.employee_number, i.name, l.fleet, l.rank, l.seniority,
       l.leave_type, l.status, l.first_day, l.last_day, l.last_day - l.first_day + 1 AS days, l.submitted_at, q.decided_by,
       q.decision_reason
FROM leave_facts l JOIN leave_requests q ON q.id = l.request_id JOIN ({people/names}) AS i ON i.pilot_id = l.pilot_id
CROSS JOIN rules r
WHERE (:fleet::text IS NULL OR l.fleet = :fleet) AND (:rank::text IS NULL OR l.rank = :rank)
  AND (:status::text IS NULL OR l.status = ANY (string_to_array(:status, ',')))
  AND (:ahead::boolean IS NULL OR (l.last_day >= r.today) = :ahead)
  AND (:begun::boolean IS NULL OR (l.first_day <= r.today) = :begun)
  AND (:first::date IS NULL OR l.first_day <= :last AND l.last_day >= :first)
  AND (:since_yesterday::boolean IS NULL
       OR (l.submitted_at >= (r.today - 1)::timestamp AT TIME ZONE r.time_zone) = :since_yesterday)
  AND CASE WHEN :period::text IS NULL AND :overdue::boolean IS NULL THEN true ELSE (
      SELECT (:period::text IS NULL OR t.name = :period) AND (:overdue::boolean IS NULL OR (t.publication_day < r.today) = :overdue)
      FROM roster_period(floor((greatest(l.first_day, r.today) - r.roster_anchor)::numeric / r.roster_days)::integer) AS t) END
ORDER BY l.first_day, l.seniority, l.request_id
LIMIT :most
