-- The day on the fleet's calendar that all nine queries speak of.
SELECT to_jsonb(today())
