-- What keeps the versions: a change row for every statement that writes, whoever writes it. Run again on every migrate.

-- With the owner's rights, for whoever may write a table need not be able to write here. No search_path of its own,
-- which would cost as much as the row: nothing in it depends on one.
CREATE OR REPLACE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO fleetcache.changes (topic) VALUES (TG_ARGV[0]);
    RETURN NULL;
END $$;

-- Change rows into the base, one caller at a time. What is committed meanwhile stays for the next.
CREATE OR REPLACE FUNCTION fold_changes() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = fleetcache, pg_temp AS $$
DECLARE
    folded bigint;
BEGIN
    IF NOT pg_try_advisory_xact_lock(1718578276) THEN
        RETURN 0;
    END IF;
    WITH gone AS (DELETE FROM changes RETURNING topic, at),
         counted AS (SELECT topic, count(*) AS n, max(at) AS at FROM gone GROUP BY topic),
         added AS (INSERT INTO versions AS v (topic, base, folded_at) SELECT * FROM counted
                   ON CONFLICT (topic) DO UPDATE SET base = v.base + excluded.base, folded_at = excluded.folded_at)
    SELECT sum(n) INTO folded FROM counted;
    RETURN coalesce(folded, 0);
END $$;

CREATE OR REPLACE FUNCTION renew_epoch() RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = fleetcache, pg_temp
    BEGIN ATOMIC
        INSERT INTO epoch (life) VALUES (gen_random_uuid()) ON CONFLICT (single) DO UPDATE SET life = excluded.life;
    END;

INSERT INTO epoch DEFAULT VALUES ON CONFLICT (single) DO NOTHING;

REVOKE ALL ON FUNCTION note_change(), fold_changes(), renew_epoch() FROM PUBLIC;
