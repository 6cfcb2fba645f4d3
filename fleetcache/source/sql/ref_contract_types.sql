-- The kinds of contracts.
SELECT jsonb_build_object('contractTypes', coalesce(jsonb_agg(jsonb_build_object(
    'code', code, 'name', name, 'daysOn', days_on, 'daysOff', days_off) ORDER BY code), '[]'))
FROM contract_types
