-- Crew by check: one row per active pilot, the state and expiry of every check held or required.
SELECT i.employee_number, i.family_name || ', ' || i.given_name AS name, c.fleet, c.rank, c.base, c.compliance,
       f.checks
FROM pilot_compliance c JOIN pilot_identity i USING (pilot_id)
JOIN (
    SELECT pilot_id, jsonb_object_agg(check_type, jsonb_build_array(state, expires_on, days_left, required)) AS checks
    FROM check_facts GROUP BY pilot_id
) AS f USING (pilot_id)
WHERE (:fleet::text IS NULL OR c.fleet = :fleet) AND (:rank::text IS NULL OR c.rank = :rank)
ORDER BY c.compliance = 'non_compliant' DESC, c.fleet, c.rank, c.seniority
LIMIT :most
