-- First officers by readiness for command, the most senior first.
SELECT i.employee_number, i.name, s.fleet, s.base, s.seniority, s.licence,
       s.readiness, s.commenced_on, s.date_of_birth, s.compliance
FROM succession_facts s JOIN ({people/names}) AS i USING (pilot_id)
WHERE (:fleet::text IS NULL OR s.fleet = :fleet) AND (:readiness::text IS NULL OR s.readiness = :readiness)
ORDER BY array_position(ARRAY['ready', 'potential', 'developing', 'notYet'], s.readiness), s.seniority
LIMIT :most
