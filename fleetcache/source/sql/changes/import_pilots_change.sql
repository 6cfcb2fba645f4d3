-- Pilots that differ from a file, a batch of them as JSON; only those of whom more than the name or a contact does.
UPDATE pilots p SET fleet = r.fleet, base = r.base, contract = r.contract, rank = r.rank, licence = r.licence,
    date_of_birth = r.date_of_birth, commenced_on = r.commenced_on, seniority = r.seniority,
    training_captain = r.training_captain, examiner = r.examiner, expatriate = r.expatriate, updated_at = now()
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
    id bigint, fleet text, base text, contract text, rank text, licence text, date_of_birth date, commenced_on date,
    seniority integer, training_captain boolean, examiner boolean, expatriate boolean)
WHERE p.id = r.id
  AND (p.fleet, p.base, p.contract, p.rank, p.licence, p.date_of_birth, p.commenced_on, p.seniority, p.training_captain,
       p.examiner, p.expatriate)
      IS DISTINCT FROM (r.fleet, r.base, r.contract, r.rank, r.licence, r.date_of_birth, r.commenced_on, r.seniority,
       r.training_captain, r.examiner, r.expatriate)
