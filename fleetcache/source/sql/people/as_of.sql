-- The tables as they stood on the day asked about, under their own names, from the records as they are known today:
-- each pilot's row of that day with the days of birth and joining as known today, and of every check the row last completed by then that was not taken back, as the
-- current one. Before the first row of a pilot's history the earliest that is known counts.
were AS MATERIALIZED (
    SELECT DISTINCT ON (pilot_id) *
    FROM pilot_history WHERE until > (SELECT today FROM rules)
    ORDER BY pilot_id, until, id
), absences AS (
    -- Each stretch of rows without a pilot, from the day it was entered to the day it ended. One that was undone on the
    -- same day never was; what a stretch said last of the day of leaving holds for all of it.
    SELECT pilot_id, max(until) AS until, (array_agg(coalesce(left_on, began) ORDER BY until DESC, id DESC))[1] AS left_on
    FROM (
        SELECT *, coalesce(lag(until) OVER rows, '-infinity') AS began, count(*) FILTER (WHERE active) OVER rows AS stretch
        FROM (
            SELECT pilot_id, until, id, active, left_on FROM pilot_history
            UNION ALL SELECT id, 'infinity', NULL, active, left_on FROM fleetcache.pilots
        ) AS states
        WINDOW rows AS (PARTITION BY pilot_id ORDER BY until, id)
    ) AS stretches
    WHERE NOT active
    GROUP BY pilot_id, stretch HAVING max(until) > min(began)
), gone AS MATERIALIZED (
    -- Who is found later to have left by then had left, whatever was known on the day.
    SELECT pilot_id, min(left_on) AS gone_on FROM absences WHERE until > (SELECT today FROM rules) GROUP BY pilot_id
), pilots AS MATERIALIZED (
    SELECT p.id, coalesce(w.fleet, p.fleet) AS fleet, coalesce(w.base, p.base) AS base,
           coalesce(w.contract, p.contract) AS contract, coalesce(w.rank, p.rank) AS rank,
           coalesce(w.licence, p.licence) AS licence, p.date_of_birth, p.commenced_on,
           coalesce(w.seniority, p.seniority) AS seniority,
           coalesce(w.training_captain, p.training_captain) AS training_captain, coalesce(w.examiner, p.examiner) AS examiner,
           coalesce(w.expatriate, p.expatriate) AS expatriate,
           CASE WHEN w.id IS NULL THEN p.left_on ELSE w.left_on END AS left_on, p.updated_at,
           coalesce(g.gone_on > (SELECT today FROM rules), true) AS active,
           coalesce(w.fleet, p.fleet) || '|' || coalesce(w.rank, p.rank) || '|'
               || coalesce(w.training_captain, p.training_captain)::text || '|' || coalesce(w.examiner, p.examiner)::text || '|'
               || coalesce(w.expatriate, p.expatriate)::text AS crew_kind
    FROM fleetcache.pilots p LEFT JOIN were w ON w.pilot_id = p.id LEFT JOIN gone g ON g.pilot_id = p.id
    WHERE p.commenced_on <= (SELECT today FROM rules)
), last_then AS MATERIALIZED (
    SELECT DISTINCT ON (pilot_id, check_type) id
    FROM fleetcache.certifications
    WHERE completed_on <= (SELECT today FROM rules) AND void_reason IS NULL
    ORDER BY pilot_id, check_type, completed_on DESC, id DESC
), certifications AS NOT MATERIALIZED (
    -- Not worked out by itself, so that the planner sees that nothing here is superseded: it would guess one row.
    SELECT id, pilot_id, check_type, completed_on, expires_on, never_expires, issuer, document_number, recorded_by,
           recorded_at, NULL::bigint AS superseded_by, NULL::timestamptz AS voided_at, NULL::text AS void_reason
    FROM last_then JOIN fleetcache.certifications USING (id)
)
