-- Undecided requests by the roster period they first touch from today on, fleet and rank.
WITH pending AS (
    SELECT l.*, today FROM leave_facts l CROSS JOIN rules WHERE l.pending
), cells AS (
    SELECT r.name, r.publication_day, p.fleet, p.rank,
           count(*) FILTER (WHERE p.status = 'SUBMITTED') AS submitted,
           count(*) FILTER (WHERE p.status = 'IN_REVIEW') AS in_review
    FROM pending p CROSS JOIN LATERAL roster_period(roster_index(greatest(p.first_day, today))) AS r
    WHERE p.last_day >= today
    GROUP BY r.name, r.publication_day, p.fleet, p.rank
)
SELECT jsonb_build_object(
    'total', (SELECT count(*) FROM pending WHERE last_day >= today),
    'undecidedStarted', (SELECT count(*) FROM pending WHERE first_day <= today),
    'cells', (SELECT coalesce(jsonb_agg(jsonb_build_object(
            'period', name, 'publicationDay', publication_day, 'fleet', fleet, 'rank', rank,
            'submitted', submitted, 'inReview', in_review) ORDER BY publication_day, fleet, rank), '[]') FROM cells))
