-- Names and contact data that differ from a file, a batch of them as JSON.
UPDATE pilot_identity i SET given_name = r.given_name, family_name = r.family_name, email = r.email, phone = r.phone
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
    id bigint, given_name text, family_name text, email text, phone text)
WHERE i.pilot_id = r.id
  AND (i.given_name, i.family_name, i.email, i.phone)
      IS DISTINCT FROM (r.given_name, r.family_name, r.email, r.phone)
