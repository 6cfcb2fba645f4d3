-- Everyone on file, with what a manager asks first. On leave means on :day, or today.
WITH away AS (
    SELECT l.pilot_id, max(l.last_day) AS until FROM leave_facts l CROSS JOIN rules
    WHERE l.status = 'APPROVED' AND coalesce(:day::date, today) BETWEEN l.first_day AND l.last_day GROUP BY l.pilot_id
)
SELECT p.pilot_id, i.employee_number, i.name, p.fleet, p.rank, p.base, p.contract,
       p.licence, p.training_captain, p.examiner, p.seniority, p.active, p.commenced_on, p.date_of_birth, p.retires_on,
       p.retirement, c.compliance, c.expired, c.missing, c.undated, c.first_expiry, away.until AS on_leave_until
FROM pilot_facts p JOIN ({people/names}) AS i USING (pilot_id)
LEFT JOIN pilot_compliance c USING (pilot_id) LEFT JOIN away USING (pilot_id)
WHERE (:fleet::text IS NULL OR p.fleet = :fleet) AND (:rank::text IS NULL OR p.rank = :rank)
  AND (:base::text IS NULL OR p.base = :base) AND (:contract::text IS NULL OR p.contract = :contract)
  AND (:active::boolean IS NULL OR p.active = :active)
  AND (:instructor::text IS NULL OR CASE :instructor WHEN 'training_captain' THEN p.training_captain WHEN 'examiner' THEN p.examiner END)
  AND (:compliance::text IS NULL OR c.compliance = ANY (string_to_array(:compliance, ',')))
  AND (:expired::boolean IS NULL OR (c.expired > 0) = :expired)
  AND (:on_leave::boolean IS NULL OR (away.pilot_id IS NOT NULL) = :on_leave)
  AND (:retirement::text IS NULL OR p.retirement = ANY (string_to_array(:retirement, ',')))
  AND (:month::date IS NULL OR p.retires_on > (SELECT today FROM rules)
       AND date_trunc('month', p.retires_on::timestamp) = date_trunc('month', :month::timestamp))
  AND (:below_limit_on::date IS NULL OR p.retires_on IS NULL OR p.retires_on > :below_limit_on)
  AND (:valid_on::date IS NULL OR c.missing = 0 AND (c.first_expiry IS NULL OR c.first_expiry >= :valid_on))
ORDER BY p.active DESC, p.fleet, p.rank, p.seniority
LIMIT :most
