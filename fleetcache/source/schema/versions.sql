-- What keeps the versions: a change row for every statement that writes, whoever writes it. Run again on every migrate.

-- With the owner's rights, for whoever may write a table need not be able to write here; and with a search_path of
-- its own, for the writer's could name functions of the writer's. What the app does names its actor and leaves an audit
-- row of its own; what comes without one, or from somebody who may not write the audit, was written from outside.
-- Without a topic nothing is counted.
CREATE OR REPLACE FUNCTION note_change() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_NARGS > 0 THEN
        INSERT INTO fleetcache.changes (topic) VALUES (TG_ARGV[0]);
    END IF;
    IF coalesce(current_setting('fleetcache.actor', true), '') <> ''
       AND has_any_column_privilege(session_user, 'fleetcache.audit_log', 'INSERT') THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'TRUNCATE' THEN
        INSERT INTO fleetcache.audit_log (actor, origin, action, subject, instance, outcome)
        VALUES ('role ' || session_user, 'SQL, ' || coalesce(host(inet_client_addr()), 'local'), 'truncate',
                TG_TABLE_NAME, '', 'done');
    ELSE
        INSERT INTO fleetcache.audit_log (actor, origin, action, subject, affected, instance, outcome)
        SELECT 'role ' || session_user, 'SQL, ' || coalesce(host(inet_client_addr()), 'local'), lower(TG_OP),
               TG_TABLE_NAME, count(*), '', 'done'
        FROM touched HAVING count(*) > 0;
    END IF;
    RETURN NULL;
END $$;

-- The row of before, for lists that are asked as of a day. The first of a day counts: it held until then.
CREATE OR REPLACE FUNCTION keep_pilot() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = fleetcache, pg_temp AS $$
BEGIN
    INSERT INTO pilot_history (until, pilot_id, fleet, base, contract, rank, licence, date_of_birth, commenced_on,
                               seniority, training_captain, examiner, expatriate, active, left_on)
    -- The day of the clock: a transaction may ask about another one, and history is not asked.
    VALUES ((now() AT TIME ZONE (SELECT value #>> '{}' FROM settings WHERE name = 'fleet_time_zone'))::date, OLD.id, OLD.fleet, OLD.base, OLD.contract, OLD.rank, OLD.licence, OLD.date_of_birth,
            OLD.commenced_on, OLD.seniority, OLD.training_captain, OLD.examiner, OLD.expatriate, OLD.active, OLD.left_on);
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

REVOKE ALL ON FUNCTION note_change(), keep_pilot(), fold_changes(), renew_epoch() FROM PUBLIC;
