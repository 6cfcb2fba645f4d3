-- Active pilots by compliance; unproven counts as neither.
SELECT jsonb_build_object(
    'active',       count(*),
    'compliant',    count(*) FILTER (WHERE compliance = 'compliant'),
    'unproven',     count(*) FILTER (WHERE compliance = 'unproven'),
    'nonCompliant', count(*) FILTER (WHERE compliance = 'non_compliant'))
FROM pilot_compliance
