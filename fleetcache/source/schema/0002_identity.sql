-- Names, numbers and contact data stand apart, readable only inside a transaction that carries a signed-in role.
-- FORCE makes the rule hold for the owner too; no view, aggregate or refresh may touch this table.

CREATE TABLE pilot_identity (
    pilot_id        bigint PRIMARY KEY REFERENCES pilots ON DELETE CASCADE,
    employee_number text NOT NULL UNIQUE CHECK (employee_number ~ '^[A-Z]{2}-[0-9]{6}$'),
    given_name      text NOT NULL CHECK (given_name <> ''),
    family_name     text NOT NULL CHECK (family_name <> ''),
    email           text,
    phone           text
);

ALTER TABLE pilot_identity ENABLE ROW LEVEL SECURITY;
ALTER TABLE pilot_identity FORCE ROW LEVEL SECURITY;

CREATE POLICY pilot_identity_read ON pilot_identity FOR SELECT
    USING (current_setting('fleetcache.role', true) IN ('viewer', 'manager', 'admin'));
CREATE POLICY pilot_identity_insert ON pilot_identity FOR INSERT
    WITH CHECK (current_setting('fleetcache.role', true) IN ('manager', 'admin'));
CREATE POLICY pilot_identity_update ON pilot_identity FOR UPDATE
    USING (current_setting('fleetcache.role', true) IN ('manager', 'admin'))
    WITH CHECK (current_setting('fleetcache.role', true) IN ('manager', 'admin'));
CREATE POLICY pilot_identity_delete ON pilot_identity FOR DELETE
    USING (current_setting('fleetcache.role', true) IN ('manager', 'admin'));
