-- Certifications recorded since the start of yesterday that took the place of another.
SELECT n.pilot_id, i.employee_number, i.name, p.fleet, p.rank, p.base, t.category,
       t.name AS check_name, n.completed_on, n.expires_on, n.expires_on - r.today AS days_left, n.issuer, n.document_number
FROM certifications n JOIN pilots p ON p.id = n.pilot_id AND p.active JOIN ({people/names}) AS i ON i.pilot_id = n.pilot_id
JOIN check_types t ON t.code = n.check_type CROSS JOIN rules r
WHERE n.void_reason IS NULL AND n.recorded_at >= (r.today - 1)::timestamp AT TIME ZONE r.time_zone
  AND EXISTS (SELECT FROM certifications o WHERE o.superseded_by = n.id)
ORDER BY n.recorded_at DESC, i.employee_number, t.position
LIMIT :most
