-- Everyone on file, with what a manager asks first.
WITH away AS (
    SELECT l.pilot_id, max(l.last_day) AS until FROM leave_facts l CROSS JOIN rules
    WHERE l.status = 'APPROVED' AND today BETWEEN l.first_day AND l.last_day GROUP BY l.pilot_id
)
SELECT p.pilot_id, i.employee_number, i.family_name || ', ' || i.given_name AS name, p.fleet, p.rank, p.base, p.contract,
       p.licence, p.training_captain, p.examiner, p.seniority, p.active, p.commenced_on, p.date_of_birth, p.retires_on,
       p.retirement, c.compliance, c.expired, c.missing, c.undated, c.first_expiry, away.until AS on_leave_until
FROM pilot_facts p JOIN pilot_identity i USING (pilot_id)
LEFT JOIN pilot_compliance c USING (pilot_id) LEFT JOIN away USING (pilot_id)
WHERE (:fleet::text IS NULL OR p.fleet = :fleet) AND (:rank::text IS NULL OR p.rank = :rank)
  AND (:base::text IS NULL OR p.base = :base)
ORDER BY p.active DESC, p.fleet, p.rank, p.seniority
LIMIT :most
