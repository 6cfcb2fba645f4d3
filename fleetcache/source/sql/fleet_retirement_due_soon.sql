-- Active pilots who reach the age limit after today and within the years, by fleet and rank.
SELECT jsonb_build_object('years', {due_soon_years}, 'total', coalesce(sum(pilots), 0), 'cells', coalesce(jsonb_agg(
        jsonb_build_object('fleet', fleet, 'rank', rank, 'count', pilots) ORDER BY fleet, rank), '[]'))
FROM (
    SELECT fleet, rank, count(*) AS pilots FROM pilot_facts CROSS JOIN rules
    WHERE active AND retires_on > today AND retires_on <= birthday(today, {due_soon_years})
    GROUP BY fleet, rank
) AS cells
