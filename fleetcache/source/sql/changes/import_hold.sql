-- The pilots of a file, held until the end of the transaction, always in the same order: whoever changes a pilot or
-- their certifications holds the pilot first.
SELECT p.id FROM pilots p JOIN pilot_identity i ON i.pilot_id = p.id
WHERE i.employee_number = ANY(:numbers) ORDER BY p.id FOR UPDATE OF p
