-- The pilots of a file by their employee numbers; the version names the transactions that wrote either row.
SELECT p.id AS pilot_id, concat(p.xmin, '.', i.xmin) AS version, i.employee_number, i.given_name, i.family_name, i.email,
       i.phone, p.fleet, p.base, p.contract, p.rank, p.licence, p.date_of_birth, p.commenced_on, p.seniority,
       p.training_captain, p.examiner, p.expatriate, p.active, p.left_on, (SELECT today FROM rules) AS today
FROM pilot_identity i JOIN pilots p ON p.id = i.pilot_id
WHERE i.employee_number = ANY(:numbers)
