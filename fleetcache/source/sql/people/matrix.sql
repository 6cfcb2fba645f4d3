-- Crew by check: one row per active pilot (with a check in one of the :states), and of every check held or required its code, state, days left, and whether
-- it is required, each in an array of its own in the same order. As JSON they took three times as long.
WITH chosen AS MATERIALIZED (
    SELECT * FROM pilot_compliance c
    WHERE (:fleet::text IS NULL OR c.fleet = :fleet) AND (:rank::text IS NULL OR c.rank = :rank)
      AND (:states::text IS NULL OR pilot_id IN (SELECT pilot_id FROM check_facts WHERE state = ANY (string_to_array(:states, ','))))
    ORDER BY c.compliance = 'non_compliant' DESC, c.fleet, c.rank, c.seniority
    LIMIT :most
), facts AS (
    SELECT pilot_id, array_agg(check_type ORDER BY check_type) AS checks, array_agg(state ORDER BY check_type) AS states,
           array_agg(days_left ORDER BY check_type) AS days_left, array_agg(required ORDER BY check_type) AS required
    FROM check_facts WHERE pilot_id IN (SELECT pilot_id FROM chosen) GROUP BY pilot_id
)
SELECT i.employee_number, i.name, c.fleet, c.rank, c.base, c.compliance,
       coalesce(f.checks, '{}') AS checks, coalesce(f.states, '{}') AS states, coalesce(f.days_left, '{}') AS days_left,
       coalesce(f.required, '{}') AS required
FROM chosen c JOIN ({people/names}) AS i USING (pilot_id) LEFT JOIN facts f USING (pilot_id)
ORDER BY c.compliance = 'non_compliant' DESC, c.fleet, c.rank, c.seniority
