-- What each pilot held on the day asked about: of every check the row last completed by then that was never voided.
WITH held AS (
    SELECT DISTINCT ON (c.pilot_id, c.check_type) c.pilot_id, c.check_type, c.completed_on, c.expires_on,
           c.never_expires OR t.never_expires AS never_expires, c.issuer, c.document_number
    FROM certifications c JOIN check_types t ON t.code = c.check_type CROSS JOIN rules r
    WHERE c.completed_on <= r.today AND c.void_reason IS NULL
    ORDER BY c.pilot_id, c.check_type, c.completed_on DESC, c.id DESC
)
SELECT i.employee_number, i.family_name || ', ' || i.given_name AS name, p.fleet, p.rank, p.base, t.category,
       t.name AS check_name, h.completed_on, h.expires_on, h.expires_on - r.today AS days_left,
       CASE WHEN h.expires_on IS NULL AND h.never_expires THEN 'current'
            WHEN h.expires_on IS NULL THEN 'undated'
            WHEN h.expires_on < r.today THEN 'expired'
            WHEN h.expires_on - r.today <= {expiring_days} THEN 'expiring'
            ELSE 'current' END AS state,
       h.issuer, h.document_number
FROM held h JOIN pilots p ON p.id = h.pilot_id AND p.commenced_on <= (SELECT today FROM rules)
     AND (p.active OR p.left_on > (SELECT today FROM rules))
JOIN pilot_identity i ON i.pilot_id = h.pilot_id JOIN check_types t ON t.code = h.check_type CROSS JOIN rules r
WHERE (:fleet::text IS NULL OR p.fleet = :fleet) AND (:rank::text IS NULL OR p.rank = :rank)
  AND (:category::text IS NULL OR t.category = :category)
  AND (:state::text IS NULL OR :state = CASE WHEN h.expires_on IS NULL AND h.never_expires THEN 'current'
            WHEN h.expires_on IS NULL THEN 'undated'
            WHEN h.expires_on < r.today THEN 'expired'
            WHEN h.expires_on - r.today <= {expiring_days} THEN 'expiring'
            ELSE 'current' END)
  AND (:search::text IS NULL OR strpos(lower(i.family_name || ', ' || i.given_name || ' ' || i.employee_number || ' '
       || t.name || ' ' || h.document_number), lower(:search)) > 0)
ORDER BY h.expires_on NULLS LAST, i.employee_number, t.position
LIMIT :most
