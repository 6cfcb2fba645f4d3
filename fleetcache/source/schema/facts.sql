-- What counts as what: one view per fact, from which the materialized view and every raw query count.
-- Thresholds in braces are filled in from fleetcache/definitions.py; the rest comes from the settings rows.

-- A birthday some years on: 29 February becomes 1 March where the year has none
-- (plain interval arithmetic would give 28 February).
CREATE FUNCTION birthday(born date, years integer) RETURNS date
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (born + make_interval(years => years))::date
         + ((born + make_interval(years => years) - make_interval(years => years))::date <> born)::integer;

-- A missing setting must stop the count, not turn it into nulls.
CREATE FUNCTION missing_setting(wanted text) RETURNS jsonb
    LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RAISE EXCEPTION 'the setting % has no value', wanted;
END $$;

CREATE FUNCTION present(value jsonb, wanted text) RETURNS jsonb
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE WHEN value IS NULL OR jsonb_typeof(value) = 'null' THEN missing_setting(wanted) ELSE value END;

CREATE FUNCTION setting(wanted text) RETURNS jsonb
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN present((SELECT value FROM settings WHERE name = wanted), wanted);

-- The day of a moment on the fleet's calendar, or the day a transaction asks about (SET LOCAL fleetcache.today).
CREATE FUNCTION fleet_day(moment timestamptz, zone text) RETURNS date
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(nullif(current_setting('fleetcache.today', true), '')::date, (moment AT TIME ZONE zone)::date);

CREATE FUNCTION today() RETURNS date
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN fleet_day(now(), setting('fleet_time_zone') #>> '{}');

-- Facts ask for it by a scalar subquery or a materialized CTE, which is worked out once for a query; a plain join with
-- rules may be worked out for every row.

-- One row: the day, and every setting that a count needs, typed. OFFSET 0 is a fence: without it the planner
-- would ask for the settings again on every row.
CREATE VIEW rules AS
SELECT fleet_day(now(), time_zone) AS today,
       (fleet_day(now(), time_zone) + 1)::timestamp AT TIME ZONE time_zone AS day_ends_at,
       typed.*
FROM (
    SELECT
        present(found->'fleet_time_zone', 'fleet_time_zone') #>> '{}'                       AS time_zone,
        present(found->'retirement_age', 'retirement_age')::integer                         AS retirement_age,
        (present(found->'roster_anchor', 'roster_anchor') #>> '{}')::date                   AS roster_anchor,
        present(found->'roster_anchor_period', 'roster_anchor_period')::integer             AS roster_anchor_period,
        present(found->'roster_anchor_year', 'roster_anchor_year')::integer                 AS roster_anchor_year,
        present(found->'roster_days', 'roster_days')::integer                               AS roster_days,
        present(found->'roster_periods_per_year', 'roster_periods_per_year')::integer       AS roster_periods_per_year,
        present(found->'request_deadline_days', 'request_deadline_days')::integer           AS request_deadline_days,
        present(found->'publication_days', 'publication_days')::integer                     AS publication_days,
        present(found->'pilots_per_training_captain', 'pilots_per_training_captain')::integer
                                                                                            AS pilots_per_training_captain,
        present(found->'pilots_per_examiner', 'pilots_per_examiner')::integer               AS pilots_per_examiner,
        present(found->'succession_ready_service', 'succession_ready_service')::integer     AS ready_service,
        present(found->'succession_ready_age', 'succession_ready_age')::integer             AS ready_age,
        present(found->'succession_potential_service', 'succession_potential_service')::integer AS potential_service,
        present(found->'succession_potential_age', 'succession_potential_age')::integer     AS potential_age,
        present(found->'succession_developing_service', 'succession_developing_service')::integer AS developing_service
    FROM (SELECT jsonb_object_agg(name, value) AS found FROM settings) AS settings
    OFFSET 0
) AS typed
OFFSET 0;

-- How often each topic has changed, in whatever snapshot asks.
CREATE VIEW current_versions AS
SELECT v.topic, v.base + (SELECT count(*) FROM changes c WHERE c.topic = v.topic) AS version
FROM versions v;

-- The roster period that lies some number of periods after the anchor (0 = the anchor's own).
CREATE FUNCTION roster_period(index integer)
    RETURNS TABLE (name text, first_day date, last_day date, deadline_at timestamptz, publication_day date)
    LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT
        'RP' || 1 + mod(mod(r.roster_anchor_period - 1 + index, r.roster_periods_per_year)
                        + r.roster_periods_per_year, r.roster_periods_per_year)
            || '/' || r.roster_anchor_year
                   + floor((r.roster_anchor_period - 1 + index)::numeric / r.roster_periods_per_year)::integer,
        r.roster_anchor + index * r.roster_days,
        r.roster_anchor + (index + 1) * r.roster_days - 1,
        (r.roster_anchor + index * r.roster_days - r.request_deadline_days + 1)::timestamp AT TIME ZONE r.time_zone,
        r.roster_anchor + index * r.roster_days - r.publication_days
    FROM rules r;
END;

CREATE FUNCTION roster_index(day date) RETURNS integer
    LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT floor((day - r.roster_anchor)::numeric / r.roster_days)::integer FROM rules r;
END;

-- One row per pilot, inactive ones included.
CREATE VIEW pilot_facts AS
WITH r AS MATERIALIZED (
    SELECT today, retirement_age, birthday(today, {due_soon_years}) AS soon, birthday(today, {nearing_years}) AS near,
           birthday(today, {outlook_years}) AS far
    FROM rules
), p AS (
    SELECT pilots.*, birthday(date_of_birth, retirement_age) AS retires_on, today, soon, near, far
    FROM pilots CROSS JOIN r
    OFFSET 0
)
SELECT
    id AS pilot_id, fleet, base, contract, rank, licence, seniority, active, training_captain, examiner, expatriate,
    commenced_on, date_of_birth, retires_on,
    CASE
        WHEN retires_on IS NULL   THEN 'unknown'
        WHEN retires_on <= today  THEN 'overdue'
        WHEN retires_on <= soon   THEN 'years0to2'
        WHEN retires_on <= near   THEN 'years2to5'
        WHEN retires_on <= far    THEN 'years5to10'
        ELSE 'later'
    END AS retirement
FROM p;

-- Which checks are required of which kind of pilot; far fewer rows than pilots.
CREATE VIEW required_checks AS
SELECT DISTINCT k.crew_kind, q.check_type
FROM (SELECT DISTINCT crew_kind, fleet, rank, training_captain, examiner, expatriate FROM pilots WHERE active) k
JOIN check_requirements q
  ON (q.fleet IS NULL OR q.fleet = k.fleet)
 AND (q.rank IS NULL OR q.rank = k.rank)
 AND (q.qualification IS NULL
      OR (q.qualification = 'training_captain' AND k.training_captain)
      OR (q.qualification = 'examiner' AND k.examiner)
      OR (q.qualification = 'expatriate' AND k.expatriate));

-- One row per active pilot and check that is held or required: state and band as of today.
CREATE VIEW check_facts AS
WITH held AS (
    SELECT c.id AS certification_id, c.pilot_id, c.check_type, c.completed_on, c.expires_on,
           c.expires_on IS NULL AND (c.never_expires OR t.never_expires) AS never_expires
    FROM certifications c JOIN pilots p ON p.id = c.pilot_id AND p.active JOIN check_types t ON t.code = c.check_type
    WHERE c.superseded_by IS NULL AND c.void_reason IS NULL
), needed AS (
    SELECT p.id AS pilot_id, q.check_type
    FROM pilots p JOIN required_checks q USING (crew_kind)
    WHERE p.active
), joined AS (
    SELECT pilot_id, check_type, needed.pilot_id IS NOT NULL AS required, held.certification_id,
           held.completed_on, held.expires_on, held.never_expires, held.expires_on - (SELECT today FROM rules) AS days_left
    FROM held FULL JOIN needed USING (pilot_id, check_type)
)
SELECT
    j.pilot_id, j.check_type, j.required, j.certification_id, j.completed_on, j.expires_on, j.days_left,
    j.certification_id IS NOT NULL AS held,
    CASE
        WHEN j.certification_id IS NULL      THEN 'missing'
        WHEN j.never_expires                 THEN 'current'
        WHEN j.expires_on IS NULL            THEN 'undated'
        WHEN j.days_left < 0                 THEN 'expired'
        WHEN j.days_left <= {expiring_days}  THEN 'expiring'
        ELSE 'current'
    END AS state,
    CASE
        WHEN j.certification_id IS NULL      THEN 'missing'
        WHEN j.never_expires                 THEN 'later'
        WHEN j.expires_on IS NULL            THEN 'undated'
        ELSE ({band_names})[1 + width_bucket(j.days_left, {band_edges})]
    END AS band
FROM joined j;

-- One row per active pilot: what the required checks and the age limit add up to.
CREATE VIEW pilot_compliance AS
WITH checks AS (
    SELECT pilot_id,
           count(*) FILTER (WHERE state = 'expired')                AS expired,
           count(*) FILTER (WHERE state = 'missing')                AS missing,
           count(*) FILTER (WHERE state = 'undated')                AS undated,
           min(expires_on)                                          AS first_expiry
    FROM check_facts WHERE required GROUP BY pilot_id
)
SELECT p.*,
       coalesce(c.expired, 0) AS expired, coalesce(c.missing, 0) AS missing, coalesce(c.undated, 0) AS undated,
       c.first_expiry,
       CASE
           WHEN c.expired > 0 OR c.missing > 0 OR p.retirement = 'overdue' THEN 'non_compliant'
           WHEN c.undated > 0                                             THEN 'unproven'
           ELSE 'compliant'
       END AS compliance
FROM pilot_facts p LEFT JOIN checks c USING (pilot_id)
WHERE p.active;

-- One row per leave request of an active pilot; a request without a last day lasts one day.
CREATE VIEW leave_facts AS
SELECT l.id AS request_id, l.pilot_id, p.fleet, p.rank, p.seniority, l.leave_type, l.status, l.channel,
       l.first_day, coalesce(l.last_day, l.first_day) AS last_day, l.submitted_at, l.decided_at,
       l.status IN ('SUBMITTED', 'IN_REVIEW') AS pending
FROM leave_requests l JOIN pilots p ON p.id = l.pilot_id AND p.active;

-- One row per first officer: how near command, by licence, checks, service and age.
CREATE VIEW succession_facts AS
WITH r AS MATERIALIZED (SELECT * FROM rules)
SELECT c.pilot_id, c.fleet, c.base, c.seniority, c.commenced_on, c.date_of_birth, c.compliance, c.licence,
    CASE
        WHEN c.licence = 'ATPL' AND c.expired = 0 AND c.missing = 0
             AND birthday(c.commenced_on, r.ready_service) <= r.today
             AND birthday(c.date_of_birth, r.ready_age) <= r.today      THEN 'ready'
        WHEN birthday(c.commenced_on, r.potential_service) <= r.today
             AND birthday(c.date_of_birth, r.potential_age) <= r.today  THEN 'potential'
        WHEN birthday(c.commenced_on, r.developing_service) <= r.today  THEN 'developing'
        ELSE 'notYet'
    END AS readiness
FROM pilot_compliance c CROSS JOIN r
WHERE c.rank = 'first_officer';

-- One row per certification of an active pilot that was recorded since the start of yesterday and renews one that stood
-- before. A correction takes its row back in the same moment in which it enters the right one: what corrects a row of
-- before, or corrects such a correction, renews nothing. The chains are found by one pass over all rows: for joins the
-- planner guesses wrong after an import, and loops.
CREATE VIEW renewed_facts AS
WITH RECURSIVE r AS MATERIALIZED (
    SELECT (today - 1)::timestamp AT TIME ZONE time_zone AS since FROM rules
), states AS (
    SELECT c.*, c.recorded_at >= r.since AND c.superseded_by IS NULL AND c.void_reason IS NULL AS newest,
           c.recorded_at < r.since AND (c.void_reason IS NULL OR c.voided_at >= r.since)      AS stood
    FROM certifications c CROSS JOIN r
), chains AS MATERIALIZED (
    SELECT pilot_id, check_type, max(id) FILTER (WHERE newest) AS certification_id,
           max(recorded_at) FILTER (WHERE newest) AS recorded_at
    FROM states GROUP BY pilot_id, check_type HAVING bool_or(newest) AND bool_or(stood)
), taken_back AS MATERIALIZED (
    SELECT pilot_id, check_type, recorded_at, voided_at FROM certifications WHERE voided_at >= (SELECT since FROM r)
), entered AS (
    SELECT certification_id, pilot_id, check_type, recorded_at FROM chains
    UNION
    SELECT e.certification_id, e.pilot_id, e.check_type, o.recorded_at
    FROM entered e JOIN taken_back o USING (pilot_id, check_type) WHERE o.voided_at = e.recorded_at
)
SELECT e.certification_id
FROM entered e JOIN pilots p ON p.id = e.pilot_id AND p.active
GROUP BY e.certification_id HAVING min(e.recorded_at) >= (SELECT since FROM r);
