-- Active pilots by the time to their age limit.
SELECT jsonb_build_object(
    'overdue',     count(*) FILTER (WHERE retirement = 'overdue'),
    'years0to2',   count(*) FILTER (WHERE retirement = 'years0to2'),
    'years2to5',   count(*) FILTER (WHERE retirement = 'years2to5'),
    'years5to10',  count(*) FILTER (WHERE retirement = 'years5to10'),
    'unknown',     count(*) FILTER (WHERE retirement = 'unknown'))
FROM pilot_facts WHERE active
