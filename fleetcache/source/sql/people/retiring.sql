-- Active pilots at or within some months of the age limit, the soonest first.
SELECT i.employee_number, i.name, c.fleet, c.rank, c.base, c.seniority,
       c.date_of_birth, c.retires_on, c.retires_on - r.today AS days_left, c.training_captain, c.examiner
FROM pilot_facts c JOIN ({people/names}) AS i USING (pilot_id) CROSS JOIN rules r
WHERE c.active AND c.retires_on <= birthday((r.today + make_interval(months => mod(:months, 12)))::date, :months / 12)
  AND (:fleet::text IS NULL OR c.fleet = :fleet) AND (:rank::text IS NULL OR c.rank = :rank)
ORDER BY c.retires_on, c.seniority
LIMIT :most
