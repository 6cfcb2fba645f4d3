-- Every check that one active pilot holds or needs, on the day asked about.
SELECT check_type, required, state, days_left, certification_id
FROM check_facts WHERE pilot_id = :pilot
LIMIT :most
