-- Undecided requests by the roster period they first touch from today on, fleet and rank.
WITH pending AS MATERIALIZED (
    SELECT l.*, (SELECT today FROM rules) AS today,
           floor((greatest(l.first_day, (SELECT today FROM rules)) - (SELECT roster_anchor FROM rules))::numeric
                 / (SELECT roster_days FROM rules))::integer AS period
    FROM leave_facts l WHERE l.pending
), periods AS MATERIALIZED (
    SELECT n, r.* FROM (SELECT DISTINCT period AS n FROM pending) AS touched CROSS JOIN LATERAL roster_period(n) AS r
), cells AS (
    SELECT r.name, r.publication_day, p.fleet, p.rank,
           count(*) FILTER (WHERE p.status = 'SUBMITTED') AS submitted,
           count(*) FILTER (WHERE p.status = 'IN_REVIEW') AS in_review
    FROM pending p JOIN periods r ON r.n = p.period
    WHERE p.last_day >= today
    GROUP BY r.name, r.publication_day, p.fleet, p.rank
)
SELECT jsonb_build_object(
    'total', (SELECT count(*) FROM pending WHERE last_day >= today),
    'undecidedStarted', (SELECT count(*) FROM pending WHERE first_day <= today),
    'cells', (SELECT coalesce(jsonb_agg(jsonb_build_object(
            'period', name, 'publicationDay', publication_day, 'fleet', fleet, 'rank', rank,
            'submitted', submitted, 'inReview', in_review) ORDER BY publication_day, fleet, rank), '[]') FROM cells))
