-- How one pilot stands on the day asked about.
SELECT p.fleet, p.rank, p.base, p.contract, p.licence, p.training_captain, p.examiner, p.expatriate, p.seniority, p.active,
       p.retires_on, p.retirement, c.compliance, c.expired, c.missing, c.undated, c.first_expiry,
       (SELECT max(l.last_day) FROM leave_facts l CROSS JOIN rules
        WHERE l.pilot_id = p.pilot_id AND l.status = 'APPROVED' AND today BETWEEN l.first_day AND l.last_day) AS on_leave_until
FROM pilot_facts p LEFT JOIN pilot_compliance c USING (pilot_id)
WHERE p.pilot_id = :pilot
LIMIT :most
