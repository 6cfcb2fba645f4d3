-- Current certification rows of active pilots by state; missing checks have no row and are not here.
SELECT jsonb_build_object(
    'total',    count(*),
    'current',  count(*) FILTER (WHERE state = 'current'),
    'expiring', count(*) FILTER (WHERE state = 'expiring'),
    'expired',  count(*) FILTER (WHERE state = 'expired'),
    'undated',  count(*) FILTER (WHERE state = 'undated'))
FROM check_facts WHERE held
