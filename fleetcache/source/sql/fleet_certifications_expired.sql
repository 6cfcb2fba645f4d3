-- What is lapsed, missing or undated now, and the pilots of each fleet and rank by compliance.
WITH cells AS (
    SELECT t.position, t.category, t.code, p.fleet, p.rank,
           count(*) FILTER (WHERE f.state = 'expired')                AS expired,
           count(*) FILTER (WHERE f.state = 'expired' AND f.required) AS expired_required,
           count(*) FILTER (WHERE f.state = 'missing')                AS missing,
           count(*) FILTER (WHERE f.state = 'undated')                AS undated
    FROM check_facts f JOIN pilots p ON p.id = f.pilot_id JOIN check_types t ON t.code = f.check_type
    WHERE f.state IN ('expired', 'missing', 'undated')
    GROUP BY t.code, p.fleet, p.rank
), away AS (
    SELECT DISTINCT pilot_id FROM leave_facts CROSS JOIN rules
    WHERE status = 'APPROVED' AND today BETWEEN first_day AND last_day
), people AS (
    SELECT c.fleet, c.rank, count(*) AS active,
           count(*) FILTER (WHERE c.compliance = 'compliant')                                      AS compliant,
           count(*) FILTER (WHERE c.compliance = 'unproven')                                       AS unproven,
           count(*) FILTER (WHERE c.compliance = 'non_compliant')                                  AS non_compliant,
           count(*) FILTER (WHERE c.compliance = 'non_compliant' AND away.pilot_id IS NOT NULL)    AS on_leave,
           count(*) FILTER (WHERE c.retirement = 'overdue')                                        AS past_limit,
           count(*) FILTER (WHERE c.expired > 0)                                                   AS with_expired
    FROM pilot_compliance c LEFT JOIN away USING (pilot_id)
    GROUP BY c.fleet, c.rank
)
SELECT jsonb_build_object(
    'cells', (SELECT coalesce(jsonb_agg(jsonb_build_object(
            'category', category, 'check', code, 'fleet', fleet, 'rank', rank, 'expired', expired,
            'expiredRequired', expired_required, 'missing', missing, 'undated', undated)
            ORDER BY position, fleet, rank), '[]') FROM cells),
    'pilots', (SELECT coalesce(jsonb_agg(jsonb_build_object(
            'fleet', fleet, 'rank', rank, 'active', active, 'compliant', compliant, 'unproven', unproven,
            'nonCompliant', non_compliant, 'nonCompliantOnLeave', on_leave, 'pastLimit', past_limit,
            'withExpired', with_expired) ORDER BY fleet, rank), '[]') FROM people))
