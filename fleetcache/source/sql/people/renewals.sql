-- Valid items whose renewal window is open today, the next to lapse first. Items without a window open when they
-- count as expiring.
SELECT i.employee_number, i.name, p.fleet, p.rank, p.base,
       t.name AS check_name, t.category, f.expires_on, f.days_left, f.required
FROM check_facts f JOIN check_types t ON t.code = f.check_type
JOIN pilots p ON p.id = f.pilot_id JOIN ({people/names}) AS i ON i.pilot_id = f.pilot_id CROSS JOIN rules r
WHERE f.held AND f.days_left >= 0
  AND CASE WHEN t.renewal_window IS NULL THEN f.state = 'expiring'
           WHEN t.window_unit = 'day' THEN f.days_left <= t.renewal_window
           ELSE r.today >= (f.expires_on - make_interval(months => t.renewal_window))::date END
  AND (:fleet::text IS NULL OR p.fleet = :fleet) AND (:rank::text IS NULL OR p.rank = :rank)
ORDER BY f.expires_on, i.employee_number, t.position
LIMIT :most
