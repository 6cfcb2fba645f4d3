-- Crew by check: one row per active pilot, the state and expiry of every check held or required.
WITH chosen AS MATERIALIZED (
    SELECT * FROM pilot_compliance c
    WHERE (:fleet::text IS NULL OR c.fleet = :fleet) AND (:rank::text IS NULL OR c.rank = :rank)
    ORDER BY c.compliance = 'non_compliant' DESC, c.fleet, c.rank, c.seniority
    LIMIT :most
), checks AS (
    SELECT pilot_id, jsonb_object_agg(check_type, jsonb_build_array(state, expires_on, days_left, required)) AS checks
    FROM check_facts WHERE pilot_id IN (SELECT pilot_id FROM chosen) GROUP BY pilot_id
)
SELECT i.employee_number, i.family_name || ', ' || i.given_name AS name, c.fleet, c.rank, c.base, c.compliance,
       coalesce(f.checks, '{}') AS checks
FROM chosen c JOIN pilot_identity i USING (pilot_id) LEFT JOIN checks f USING (pilot_id)
ORDER BY c.compliance = 'non_compliant' DESC, c.fleet, c.rank, c.seniority
