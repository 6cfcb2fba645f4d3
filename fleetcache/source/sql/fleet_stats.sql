-- Headcount by fleet, rank, base and contract, what each fleet needs, what moved since yesterday, the last days.
WITH away AS (
    SELECT DISTINCT pilot_id FROM leave_facts CROSS JOIN rules
    WHERE status = 'APPROVED' AND today BETWEEN first_day AND last_day
), people AS (
    SELECT p.pilot_id, p.fleet, p.rank, p.base, p.contract, p.active, p.training_captain, p.examiner,
           c.compliance, away.pilot_id IS NOT NULL AS on_leave
    FROM pilot_facts p LEFT JOIN pilot_compliance c USING (pilot_id) LEFT JOIN away USING (pilot_id)
), cells AS (
    SELECT fleet, rank, base, contract,
           count(*) FILTER (WHERE active)                                                     AS active,
           count(*) FILTER (WHERE NOT active)                                                 AS inactive,
           count(*) FILTER (WHERE compliance = 'compliant')                                   AS compliant,
           count(*) FILTER (WHERE compliance = 'unproven')                                    AS unproven,
           count(*) FILTER (WHERE compliance <> 'non_compliant')                              AS qualified,
           count(*) FILTER (WHERE active AND on_leave)                                        AS on_leave,
           count(*) FILTER (WHERE compliance <> 'non_compliant' AND NOT on_leave)             AS available,
           count(*) FILTER (WHERE active AND training_captain)                                AS training_captains,
           count(*) FILTER (WHERE active AND examiner)                                        AS examiners
    FROM people GROUP BY fleet, rank, base, contract
), strength AS (
    SELECT f.*, count(p.pilot_id) AS active FROM fleets f LEFT JOIN pilot_facts p ON p.fleet = f.code AND p.active
    GROUP BY f.code
)
SELECT jsonb_build_object(
    'totals', ({dashboard_metrics/pilots}),
    'cells', (SELECT coalesce(jsonb_agg(jsonb_build_object(
            'fleet', fleet, 'rank', rank, 'base', base, 'contract', contract, 'active', active, 'inactive', inactive,
            'compliant', compliant, 'unproven', unproven, 'qualified', qualified, 'onLeave', on_leave,
            'available', available, 'trainingCaptains', training_captains, 'examiners', examiners)
            ORDER BY fleet, rank, base, contract), '[]') FROM cells),
    'fleets', (SELECT coalesce(jsonb_agg(jsonb_build_object(
            'fleet', code, 'name', name, 'hulls', hulls,
            'requiredCaptains', hulls * captains_per_hull,
            'requiredFirstOfficers', hulls * first_officers_per_hull,
            'minimumCaptains', minimum_captains, 'minimumFirstOfficers', minimum_first_officers,
            'requiredTrainingCaptains', ceil(active::numeric / pilots_per_training_captain)::integer,
            'requiredExaminers', ceil(active::numeric / pilots_per_examiner)::integer)
            ORDER BY code), '[]') FROM strength),
    'bases', (SELECT coalesce(jsonb_agg(jsonb_build_object('code', code, 'name', name) ORDER BY code), '[]') FROM bases),
    'contracts', (SELECT coalesce(jsonb_agg(jsonb_build_object('code', code, 'name', name) ORDER BY code), '[]')
                  FROM contract_types),
    'sinceYesterday', jsonb_build_object(
        'lapsed', (SELECT count(*) FROM check_facts WHERE held AND expires_on = today - 1),
        'renewed', (SELECT count(*) FROM renewed_facts),
        'requests', (SELECT count(*) FROM leave_facts
                     WHERE status <> 'DRAFT' AND submitted_at >= (today - 1)::timestamp AT TIME ZONE time_zone)),
    'history', (SELECT coalesce(jsonb_agg(jsonb_build_object(
            'day', day, 'active', active, 'captains', captains, 'firstOfficers', first_officers,
            'trainingCaptains', training_captains, 'examiners', examiners, 'compliant', compliant,
            'unproven', unproven, 'expired', expired, 'expiring', expiring, 'missing', missing,
            'onLeave', on_leave, 'pending', pending) ORDER BY day), '[]')
        FROM daily_metrics WHERE day >= today - {trend_days} AND day < today))
FROM rules
