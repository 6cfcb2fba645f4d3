-- Current certifications recorded since the start of yesterday, of checks of which another was current before and still
-- stands: one that was taken back since is corrected, not renewed.
SELECT n.pilot_id, i.employee_number, i.name, p.fleet, p.rank, p.base, t.category,
       t.name AS check_name, n.completed_on, n.expires_on, n.expires_on - r.today AS days_left, n.issuer, n.document_number
FROM certifications n JOIN pilots p ON p.id = n.pilot_id AND p.active JOIN ({people/names}) AS i ON i.pilot_id = n.pilot_id
JOIN check_types t ON t.code = n.check_type CROSS JOIN rules r
WHERE n.void_reason IS NULL AND n.superseded_by IS NULL
  AND n.recorded_at >= (r.today - 1)::timestamp AT TIME ZONE r.time_zone
  AND (SELECT o.void_reason IS NULL FROM certifications o
       WHERE o.pilot_id = n.pilot_id AND o.check_type = n.check_type
         AND o.recorded_at < (r.today - 1)::timestamp AT TIME ZONE r.time_zone
         AND (o.voided_at IS NULL OR o.voided_at >= (r.today - 1)::timestamp AT TIME ZONE r.time_zone)
       ORDER BY o.completed_on DESC, o.id DESC LIMIT 1)
ORDER BY n.recorded_at DESC, i.employee_number, t.position
LIMIT :most
