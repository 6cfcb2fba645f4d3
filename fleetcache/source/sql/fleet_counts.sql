-- The single counts, from one pass.
SELECT jsonb_build_object(
    'fleet:pilots:count',            jsonb_build_object('count', count(*)),
    'fleet:captains:count',          jsonb_build_object('count', count(*) FILTER (WHERE rank = 'captain')),
    'fleet:first_officers:count',    jsonb_build_object('count', count(*) FILTER (WHERE rank = 'first_officer')),
    'fleet:training_captains:count', jsonb_build_object('count', count(*) FILTER (WHERE training_captain)),
    'fleet:examiners:count',         jsonb_build_object('count', count(*) FILTER (WHERE examiner)))
FROM pilots WHERE active
