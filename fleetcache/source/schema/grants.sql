-- What the app's role may do when it is not the owner. Run again on every migrate.
GRANT USAGE ON SCHEMA fleetcache TO {app};
GRANT SELECT ON ALL TABLES IN SCHEMA fleetcache TO {app};
GRANT INSERT, UPDATE, DELETE ON fleets, bases, contract_types, pilots, pilot_identity, check_types, check_requirements,
    certifications, leave_requests, settings, daily_metrics, api_tokens TO {app};
REVOKE UPDATE, DELETE, TRUNCATE ON audit_log, pilot_history FROM {app};
-- Neither the number nor the moment of a row: those are the database's.
REVOKE INSERT ON audit_log FROM {app};
GRANT INSERT (actor, origin, action, subject, affected, instance, outcome, detail) ON audit_log TO {app};
GRANT USAGE ON ALL SEQUENCES IN SCHEMA fleetcache TO {app};
GRANT EXECUTE ON FUNCTION refresh_figures() TO {app};
GRANT EXECUTE ON FUNCTION fold_changes(), renew_epoch() TO {app};
DO $$ BEGIN
    IF current_setting('server_version_num')::integer >= 170000 THEN
        EXECUTE $grant$GRANT MAINTAIN ON changes TO {app}$grant$;
    END IF;
END $$;
