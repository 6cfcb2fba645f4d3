-- Every certification of the pilots of a file, the oldest of each check first.
SELECT id, pilot_id, check_type, completed_on, expires_on, never_expires, issuer, document_number,
       void_reason IS NOT NULL AS voided
FROM certifications WHERE pilot_id = ANY(:pilots) ORDER BY completed_on, id
