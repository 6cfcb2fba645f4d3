-- The names of new pilots, a batch of them as JSON.
INSERT INTO pilot_identity (pilot_id, employee_number, given_name, family_name, email, phone)
SELECT id, employee_number, given_name, family_name, email, phone
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
    id bigint, employee_number text, given_name text, family_name text, email text, phone text)
