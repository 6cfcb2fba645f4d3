-- What each active pilot holds, of every check the current row; what is required and missing only when asked for.
SELECT f.pilot_id, i.employee_number, i.name, p.fleet, p.rank, p.base, t.category,
       t.name AS check_name, f.completed_on, f.expires_on, f.days_left, f.state, c.issuer, c.document_number
FROM check_facts f LEFT JOIN certifications c ON c.id = f.certification_id JOIN check_types t ON t.code = f.check_type
JOIN pilots p ON p.id = f.pilot_id JOIN ({people/names}) AS i ON i.pilot_id = f.pilot_id
WHERE (:fleet::text IS NULL OR p.fleet = :fleet) AND (:rank::text IS NULL OR p.rank = :rank)
  AND (:category::text IS NULL OR t.category = :category)
  AND CASE WHEN :state::text IS NULL THEN f.held OR :band::text = 'missing' ELSE f.state = ANY (string_to_array(:state, ',')) END
  AND (:band::text IS NULL OR f.band = :band)
  AND (:expires_on::date IS NULL OR f.expires_on = :expires_on)
  AND (:lapsed_yesterday::boolean IS NULL OR (f.expires_on = (SELECT today FROM rules) - 1) = :lapsed_yesterday)
  AND (:search::text IS NULL OR strpos(lower(concat_ws(' ', i.name, i.employee_number,
       t.name, c.document_number)), lower(:search)) > 0)
ORDER BY f.expires_on NULLS LAST, i.employee_number, t.position
LIMIT :most
