-- Headcount. Training captains and examiners may overlap; only the total includes inactive pilots.
SELECT jsonb_build_object(
    'total',            count(*),
    'active',           count(*) FILTER (WHERE active),
    'captains',         count(*) FILTER (WHERE active AND rank = 'captain'),
    'firstOfficers',    count(*) FILTER (WHERE active AND rank = 'first_officer'),
    'trainingCaptains', count(*) FILTER (WHERE active AND training_captain),
    'examiners',        count(*) FILTER (WHERE active AND examiner))
FROM pilots
