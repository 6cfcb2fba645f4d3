-- New certifications, a batch of them as JSON.
INSERT INTO certifications (id, pilot_id, check_type, completed_on, expires_on, never_expires, issuer, document_number,
                            recorded_by, superseded_by)
SELECT id, pilot_id, check_type, completed_on, expires_on, never_expires, issuer, document_number, recorded_by, after
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
    id bigint, pilot_id bigint, check_type text, completed_on date, expires_on date, never_expires boolean, issuer text,
    document_number text, recorded_by text, after bigint)
