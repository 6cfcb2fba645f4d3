-- New pilots, a batch of them as JSON.
INSERT INTO pilots (id, fleet, base, contract, rank, licence, date_of_birth, commenced_on, seniority, training_captain,
                    examiner, expatriate)
SELECT id, fleet, base, contract, rank, licence, date_of_birth, commenced_on, seniority, training_captain, examiner,
       expatriate
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
    id bigint, fleet text, base text, contract text, rank text, licence text, date_of_birth date, commenced_on date,
    seniority integer, training_captain boolean, examiner boolean, expatriate boolean)
