-- The materialized view: one row per cached key, with the day and the moment it speaks of. The unique index is what
-- lets it be refreshed CONCURRENTLY, so that readers are never blocked. The versions come from the statement that counts,
-- hence from its snapshot: they say which changes are in the numbers, as long as the life is the current one.
CREATE MATERIALIZED VIEW figures AS
WITH {facts}
SELECT counted.key, counted.payload, '{schema}'::text AS schema, today() AS as_of_date, now() AS refreshed_at,
       (SELECT string_agg(topic || ' ' || version, ',') FROM current_versions) AS versions,
       to_regclass('fleetcache.changes')::oid || '.' || (SELECT life FROM epoch) AS life
FROM (
{rows}
) AS counted;

CREATE UNIQUE INDEX figures_key ON figures (key);

-- Refreshing needs the owner's rights; the app's role gets them for this one statement only.
CREATE FUNCTION refresh_figures() RETURNS timestamptz
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = fleetcache, pg_temp AS $$
BEGIN
    REFRESH MATERIALIZED VIEW CONCURRENTLY figures;
    RETURN now();
END $$;
REVOKE ALL ON FUNCTION refresh_figures() FROM PUBLIC;
