-- Rows of every check, fleet and rank by band.
SELECT jsonb_build_object('cells', coalesce(jsonb_agg(jsonb_build_object(
        'category', category, 'check', code, 'fleet', fleet, 'rank', rank, 'expired', expired,
        'days0to7', days0to7, 'days8to30', days8to30, 'days31to60', days31to60, 'days61to90', days61to90,
        'later', later, 'undated', undated, 'missing', missing) ORDER BY position, fleet, rank), '[]'))
FROM (
    SELECT t.position, t.category, t.code, p.fleet, p.rank,
           count(*) FILTER (WHERE f.band = 'expired')     AS expired,
           count(*) FILTER (WHERE f.band = 'days0to7')    AS days0to7,
           count(*) FILTER (WHERE f.band = 'days8to30')   AS days8to30,
           count(*) FILTER (WHERE f.band = 'days31to60')  AS days31to60,
           count(*) FILTER (WHERE f.band = 'days61to90')  AS days61to90,
           count(*) FILTER (WHERE f.band = 'later')       AS later,
           count(*) FILTER (WHERE f.band = 'undated')     AS undated,
           count(*) FILTER (WHERE f.band = 'missing')     AS missing
    FROM check_facts f JOIN pilots p ON p.id = f.pilot_id JOIN check_types t ON t.code = f.check_type
    GROUP BY t.code, p.fleet, p.rank
) AS cells
