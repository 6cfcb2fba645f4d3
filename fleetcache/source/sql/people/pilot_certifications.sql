-- Everything on file about the checks of one pilot, what was taken back included, the latest first; on every day the same.
SELECT c.id, c.xmin::text AS version, c.check_type, c.completed_on, c.expires_on, c.never_expires OR t.never_expires AS never_expires,
       c.issuer, c.document_number, c.recorded_by,
       (c.recorded_at AT TIME ZONE (SELECT time_zone FROM rules))::date AS recorded_on, c.superseded_by, c.voided_at, c.void_reason
FROM fleetcache.certifications c JOIN check_types t ON t.code = c.check_type
WHERE c.pilot_id = :pilot
ORDER BY t.position, c.completed_on DESC, c.id DESC
LIMIT :most
