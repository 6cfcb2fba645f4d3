-- Pilots with a required item expired; items that lapse this week; items that are missing.
SELECT jsonb_build_object(
    'criticalExpired',       count(DISTINCT pilot_id) FILTER (WHERE required AND state = 'expired'),
    'expiringThisWeek',      count(*) FILTER (WHERE band = 'days0to7'),
    'missingCertifications', count(*) FILTER (WHERE state = 'missing'))
FROM check_facts
