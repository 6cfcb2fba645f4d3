-- Certifications recorded since the start of yesterday that renew another.
SELECT n.pilot_id, i.employee_number, i.name, p.fleet, p.rank, p.base, t.category,
       t.name AS check_name, n.completed_on, n.expires_on, n.expires_on - r.today AS days_left, n.issuer, n.document_number
FROM renewed_facts c JOIN certifications n ON n.id = c.certification_id JOIN pilots p ON p.id = n.pilot_id
JOIN ({people/names}) AS i ON i.pilot_id = n.pilot_id JOIN check_types t ON t.code = n.check_type CROSS JOIN rules r
ORDER BY n.recorded_at DESC, i.employee_number, t.position
LIMIT :most
