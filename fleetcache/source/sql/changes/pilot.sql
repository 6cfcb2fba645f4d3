-- One pilot with names and contact data, by number; the version names the transactions that wrote either row.
SELECT p.id AS pilot_id, p.xmin::text || '.' || coalesce(i.xmin::text, '') AS version, i.employee_number, i.given_name,
       i.family_name, i.email, i.phone, p.fleet, p.base, p.contract, p.rank, p.licence, p.date_of_birth, p.commenced_on,
       p.seniority, p.training_captain, p.examiner, p.expatriate, p.active, p.left_on,
       (SELECT today FROM rules) AS today
FROM pilots p LEFT JOIN pilot_identity i ON i.pilot_id = p.id
WHERE p.id = :pilot
