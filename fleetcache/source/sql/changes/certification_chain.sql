-- What is on file of one check of one pilot and counts, the oldest first, held until the end of the transaction.
SELECT id, xmin::text AS version, pilot_id, check_type, completed_on, expires_on, never_expires, issuer, document_number,
       superseded_by
FROM certifications
WHERE pilot_id = :pilot AND check_type = :check AND void_reason IS NULL
ORDER BY completed_on, id
FOR UPDATE
