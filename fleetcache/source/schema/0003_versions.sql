-- How often each topic has changed: ``base``, and one row for every change since. Counting is a pure function of the
-- snapshot, so that a label read together with numbers says exactly which changes are in them. (A sequence, a
-- timestamp or a highest id may be seen before, or without, the change it stands for; one counter row for each topic
-- would let writers wait for one another.)

CREATE TABLE changes (
    topic text NOT NULL,
    at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- Rows live for seconds, and every check counts them.
ALTER TABLE changes SET (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0,
                         autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_threshold = 2000000000);

CREATE TABLE versions (
    topic     text PRIMARY KEY,
    base      bigint NOT NULL,
    folded_at timestamptz
);
INSERT INTO versions (topic, base) VALUES
    ('pilots', 0), ('certifications', 0), ('leave', 0), ('settings', 0), ('reference', 0), ('history', 0), ('identity', 0);

-- At most one row. Versions are compared only within one life: a new one voids everything that is cached anywhere.
CREATE TABLE epoch (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    life   uuid NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO epoch DEFAULT VALUES;

-- How old the view is says nothing any more about whether its numbers are current.
DELETE FROM settings WHERE name = 'view_max_age_seconds';
