-- Rows that a new one follows, a batch of them as JSON; the new ones come right after, in the same transaction.
UPDATE certifications c SET superseded_by = r.after
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id bigint, after bigint)
WHERE c.id = r.id
