-- Active pilots who may not fly on paper, each with the reasons; the ones not on leave come first.
WITH away AS (
    SELECT l.pilot_id, max(l.last_day) AS until FROM leave_facts l CROSS JOIN rules
    WHERE l.status = 'APPROVED' AND today BETWEEN l.first_day AND l.last_day GROUP BY l.pilot_id
), lapsed AS (
    SELECT f.pilot_id, min(f.expires_on) FILTER (WHERE f.state = 'expired') AS since,
           string_agg(t.name || CASE f.state WHEN 'missing' THEN ' missing'
                                ELSE ' expired ' || to_char(f.expires_on, 'YYYY-MM-DD') END,
                      ', ' ORDER BY t.position) AS reasons
    FROM check_facts f JOIN check_types t ON t.code = f.check_type
    WHERE f.required AND f.state IN ('expired', 'missing') GROUP BY f.pilot_id
)
SELECT c.pilot_id, i.employee_number, i.name, c.fleet, c.rank, c.base,
       concat_ws(', ', CASE WHEN c.retirement = 'overdue' THEN 'age limit reached ' || to_char(c.retires_on, 'YYYY-MM-DD') END,
                 l.reasons) AS reasons,
       c.expired, c.missing, l.since, away.until AS on_leave_until
FROM pilot_compliance c JOIN ({people/names}) AS i USING (pilot_id)
LEFT JOIN lapsed l USING (pilot_id) LEFT JOIN away USING (pilot_id)
WHERE c.compliance = 'non_compliant' AND (:on_leave::boolean IS NULL OR (away.until IS NOT NULL) = :on_leave)
  AND (:fleet::text IS NULL OR c.fleet = :fleet) AND (:rank::text IS NULL OR c.rank = :rank)
ORDER BY away.until NULLS FIRST, c.expired + c.missing DESC, i.employee_number
LIMIT :most
