-- The tables that people and other programs write with plain SQL, and the ones fleetcache keeps for itself.
-- No constraint mentions today's date: a row that was right yesterday must stay writable tomorrow. Days are bounded
-- by two centuries around us, because an infinite or mistyped one would stop every count that touches it.

CREATE FUNCTION is_time_zone(zone text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    PERFORM now() AT TIME ZONE zone;
    RETURN true;
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN false;
END $$;

-- One bad row here would stop every count, so it is refused where it is written.
CREATE TABLE settings (
    name        text PRIMARY KEY,
    value       jsonb NOT NULL,
    description text NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CHECK (CASE
        WHEN name = 'fleet_time_zone'     THEN jsonb_typeof(value) = 'string' AND is_time_zone(value #>> '{}')
        WHEN name = 'roster_anchor'       THEN jsonb_typeof(value) = 'string'
                                               AND (value #>> '{}')::date BETWEEN '1900-01-01' AND '2200-12-31'
        WHEN name = 'reminder_thresholds' THEN jsonb_typeof(value) = 'array'
        WHEN name = 'ttl_overrides'       THEN jsonb_typeof(value) = 'object'
        WHEN name = 'view_max_age_seconds' THEN jsonb_typeof(value) = 'number' AND value::numeric > 0
        WHEN name IN ('request_deadline_days', 'publication_days')
            THEN jsonb_typeof(value) = 'number' AND value::numeric IN (value::integer) AND value::integer BETWEEN 0 AND 365
        WHEN name IN ('retirement_age', 'roster_anchor_period', 'roster_anchor_year', 'roster_days',
                      'roster_periods_per_year', 'pilots_per_training_captain', 'pilots_per_examiner',
                      'succession_ready_service', 'succession_ready_age', 'succession_potential_service',
                      'succession_potential_age', 'succession_developing_service')
            THEN jsonb_typeof(value) = 'number' AND value::numeric IN (value::integer) AND value::integer BETWEEN 1 AND 9999
        ELSE true
    END)
);

INSERT INTO settings (name, value, description) VALUES
    ('retirement_age',           '65',                     'Years; the limit bites on the birthday itself.'),
    ('fleet_time_zone',          '"Pacific/Port_Moresby"', 'IANA zone in which the fleet counts its days.'),
    ('roster_anchor',            '"2025-10-11"',           'First day of the roster period named by roster_anchor_period and roster_anchor_year.'),
    ('roster_anchor_period',     '12',                     'Number, within its year, of the roster period that starts on roster_anchor.'),
    ('roster_anchor_year',       '2025',                   'Year of the roster period that starts on roster_anchor.'),
    ('roster_days',              '28',                     'Length of a roster period, days.'),
    ('roster_periods_per_year',  '13',                     'Roster periods in a year.'),
    ('request_deadline_days',    '21',                     'Leave requests close at the end of the day this many days before a roster period starts.'),
    ('publication_days',         '10',                     'The roster is published this many days before its period starts.'),
    ('pilots_per_training_captain', '11',                  'One training captain for every so many pilots of a fleet.'),
    ('pilots_per_examiner',      '11',                     'One examiner for every so many pilots of a fleet.'),
    ('succession_ready_service', '15',                     'Years of service before a first officer counts as ready for command.'),
    ('succession_ready_age',     '35',                     'Age before a first officer counts as ready for command.'),
    ('succession_potential_service', '10',                 'Years of service before a first officer counts as potential.'),
    ('succession_potential_age', '30',                     'Age before a first officer counts as potential.'),
    ('succession_developing_service', '5',                 'Years of service before a first officer counts as developing.'),
    ('reminder_thresholds',      '[7, 14, 30, 60, 90]',    'Days before expiry at which reminders and matrix colours change.'),
    ('view_max_age_seconds',     '300',                    'A materialized view older than this is not fresh and does not serve.'),
    ('ttl_overrides',            '{}',                     'Key to seconds, in place of the built-in time to live.');

CREATE TABLE fleets (
    code                    text PRIMARY KEY,
    name                    text NOT NULL,
    hulls                   integer NOT NULL CHECK (hulls >= 0),
    captains_per_hull       integer NOT NULL CHECK (captains_per_hull >= 0),
    first_officers_per_hull integer NOT NULL CHECK (first_officers_per_hull >= 0),
    minimum_captains        integer NOT NULL CHECK (minimum_captains >= 0),
    minimum_first_officers  integer NOT NULL CHECK (minimum_first_officers >= 0)
);

CREATE TABLE bases (
    code text PRIMARY KEY,
    name text NOT NULL
);

CREATE TABLE contract_types (
    code     text PRIMARY KEY,
    name     text NOT NULL,
    days_on  integer CHECK (days_on > 0),
    days_off integer CHECK (days_off > 0),
    CHECK ((days_on IS NULL) = (days_off IS NULL))
);

CREATE TABLE pilots (
    id               bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    fleet            text NOT NULL REFERENCES fleets,
    base             text NOT NULL REFERENCES bases,
    contract         text NOT NULL REFERENCES contract_types,
    rank             text NOT NULL CHECK (rank IN ('captain', 'first_officer')),
    licence          text NOT NULL CHECK (licence IN ('ATPL', 'CPL')),
    date_of_birth    date,
    commenced_on     date NOT NULL,
    seniority        integer NOT NULL CHECK (seniority > 0),
    training_captain boolean NOT NULL DEFAULT false,
    examiner         boolean NOT NULL DEFAULT false,
    expatriate       boolean NOT NULL DEFAULT false,
    active           boolean NOT NULL DEFAULT true,
    left_on          date,
    updated_at       timestamptz NOT NULL DEFAULT now(),
    -- Everything that decides which checks are required, in one column: joined on five, the planner
    -- takes the product of five guesses and ends in a nested loop over millions of rows.
    crew_kind        text NOT NULL GENERATED ALWAYS AS (fleet || '|' || rank || '|' || training_captain::text
                         || '|' || examiner::text || '|' || expatriate::text) STORED,
    UNIQUE (seniority) DEFERRABLE INITIALLY DEFERRED,
    CHECK (date_of_birth BETWEEN '1900-01-01' AND '2200-12-31'),
    CHECK (commenced_on BETWEEN '1900-01-01' AND '2200-12-31'),
    CHECK (date_of_birth IS NULL OR date_of_birth < commenced_on),
    CHECK (left_on IS NULL OR (NOT active AND left_on BETWEEN commenced_on AND '2200-12-31')),
    CHECK (rank = 'captain' OR NOT (training_captain OR examiner)),
    CHECK (rank <> 'captain' OR licence = 'ATPL')
);
CREATE INDEX pilots_group ON pilots (fleet, rank) WHERE active;

CREATE TABLE check_types (
    code              text PRIMARY KEY,
    name              text NOT NULL,
    category          text NOT NULL,
    position          integer NOT NULL UNIQUE,
    never_expires     boolean NOT NULL DEFAULT false,
    validity          integer CHECK (validity > 0),
    validity_unit     text NOT NULL DEFAULT 'month' CHECK (validity_unit IN ('month', 'day')),
    counted_from      text NOT NULL DEFAULT 'month_end' CHECK (counted_from IN ('month_end', 'day')),
    renewal_window    integer CHECK (renewal_window > 0),
    window_unit       text NOT NULL DEFAULT 'month' CHECK (window_unit IN ('month', 'day')),
    age_limit         integer CHECK (age_limit > 0),
    validity_from_age integer CHECK (validity_from_age > 0),
    CHECK (never_expires = (validity IS NULL)),
    CHECK ((age_limit IS NULL) = (validity_from_age IS NULL))
);

-- A check is required of a pilot when any row fits; a NULL column fits everybody.
CREATE TABLE check_requirements (
    id            bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    check_type    text NOT NULL REFERENCES check_types,
    rank          text CHECK (rank IN ('captain', 'first_officer')),
    fleet         text REFERENCES fleets,
    qualification text CHECK (qualification IN ('training_captain', 'examiner', 'expatriate')),
    UNIQUE NULLS NOT DISTINCT (check_type, rank, fleet, qualification)
);

-- History: a renewal supersedes, a correction voids and adds; nothing is overwritten.
CREATE TABLE certifications (
    id              bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    pilot_id        bigint NOT NULL REFERENCES pilots ON DELETE CASCADE,
    check_type      text NOT NULL REFERENCES check_types,
    completed_on    date NOT NULL,
    expires_on      date,
    never_expires   boolean NOT NULL DEFAULT false,
    issuer          text NOT NULL,
    document_number text NOT NULL,
    recorded_by     text NOT NULL,
    recorded_at     timestamptz NOT NULL DEFAULT now(),
    superseded_by   bigint UNIQUE REFERENCES certifications ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED,
    voided_at       timestamptz,
    void_reason     text CHECK (void_reason <> ''),
    CHECK (completed_on BETWEEN '1900-01-01' AND '2200-12-31'),
    CHECK (expires_on BETWEEN completed_on AND '2200-12-31'),
    CHECK (isfinite(recorded_at)),
    CHECK (NOT (never_expires AND expires_on IS NOT NULL)),
    CHECK (superseded_by <> id),
    CHECK ((voided_at IS NULL) = (void_reason IS NULL))
);
CREATE UNIQUE INDEX certifications_current ON certifications (pilot_id, check_type)
    WHERE superseded_by IS NULL AND void_reason IS NULL;
CREATE INDEX certifications_history ON certifications (pilot_id, check_type, completed_on);
CREATE INDEX certifications_recorded ON certifications (recorded_at);
CREATE INDEX certifications_expiry ON certifications (expires_on)
    WHERE superseded_by IS NULL AND void_reason IS NULL;

-- No last day means one day.
CREATE TABLE leave_requests (
    id              bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    pilot_id        bigint NOT NULL REFERENCES pilots ON DELETE CASCADE,
    leave_type      text NOT NULL CHECK (leave_type IN
                        ('ANNUAL', 'SICK', 'RDO', 'LSL', 'SDO', 'COMPASSIONATE', 'LWOP', 'MATERNITY')),
    first_day       date NOT NULL,
    last_day        date,
    status          text NOT NULL CHECK (status IN
                        ('DRAFT', 'SUBMITTED', 'IN_REVIEW', 'APPROVED', 'DENIED', 'WITHDRAWN')),
    channel         text NOT NULL DEFAULT 'portal' CHECK (channel IN ('portal', 'email', 'phone', 'admin')),
    submitted_at    timestamptz,
    decided_at      timestamptz,
    decided_by      text,
    decision_reason text,
    CHECK (first_day BETWEEN '1900-01-01' AND '2200-12-31'),
    CHECK (last_day BETWEEN first_day AND '2200-12-31'),
    CHECK (isfinite(submitted_at) AND isfinite(decided_at)),
    CHECK (status = 'DRAFT' OR submitted_at IS NOT NULL),
    CHECK (decided_at >= submitted_at)
);
CREATE INDEX leave_requests_days ON leave_requests (first_day, last_day) WHERE status = 'APPROVED';
CREATE INDEX leave_requests_pilot ON leave_requests (pilot_id, first_day);

-- One row per fleet-calendar day, written at midnight.
CREATE TABLE daily_metrics (
    day               date PRIMARY KEY,
    total             integer NOT NULL CHECK (total >= 0),
    active            integer NOT NULL CHECK (active >= 0),
    captains          integer NOT NULL CHECK (captains >= 0),
    first_officers    integer NOT NULL CHECK (first_officers >= 0),
    training_captains integer NOT NULL CHECK (training_captains >= 0),
    examiners         integer NOT NULL CHECK (examiners >= 0),
    compliant         integer NOT NULL CHECK (compliant >= 0),
    unproven          integer NOT NULL CHECK (unproven >= 0),
    expired           integer NOT NULL CHECK (expired >= 0),
    expiring          integer NOT NULL CHECK (expiring >= 0),
    missing           integer NOT NULL CHECK (missing >= 0),
    on_leave          integer NOT NULL CHECK (on_leave >= 0),
    pending           integer NOT NULL CHECK (pending >= 0),
    recorded_at       timestamptz NOT NULL DEFAULT now(),
    CHECK (active = captains + first_officers AND active <= total),
    CHECK (compliant + unproven <= active)
);

CREATE TABLE audit_log (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT now(),
    actor    text NOT NULL,
    action   text NOT NULL,
    subject  text NOT NULL,
    affected bigint CHECK (affected >= 0),
    instance text NOT NULL,
    outcome  text NOT NULL CHECK (outcome IN ('done', 'failed', 'refused')),
    detail   jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_log_at ON audit_log (at DESC);

CREATE TABLE api_tokens (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL UNIQUE,
    role       text NOT NULL CHECK (role IN ('viewer', 'manager', 'admin')),
    digest     bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now(),
    used_at    timestamptz,
    revoked_at timestamptz
);

-- At most one row: what fleetcache itself seeded here, and a fingerprint of the rows as it left them.
CREATE TABLE demo (
    single      boolean PRIMARY KEY DEFAULT true CHECK (single),
    profile     text NOT NULL CHECK (profile IN ('tiny', 'demo', 'load')),
    seed        bigint NOT NULL,
    as_of       date NOT NULL,
    fingerprint text NOT NULL,
    seeded_at   timestamptz NOT NULL DEFAULT now()
);
