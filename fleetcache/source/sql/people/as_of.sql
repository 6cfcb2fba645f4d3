-- The tables as they stood on the day asked about, under their own names, from the records as they are known today:
-- each pilot's row of that day, and of every check the row last completed by then that was not taken back, as the
-- current one. Before the first row of a pilot's history the earliest that is known counts.
were AS MATERIALIZED (
    SELECT DISTINCT ON (pilot_id) *, min(left_on) OVER (
               PARTITION BY pilot_id ORDER BY until, id ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS gone_on
    FROM pilot_history WHERE until > (SELECT today FROM rules)
    ORDER BY pilot_id, until, id
), pilots AS MATERIALIZED (
    SELECT id, fleet, base, contract, rank, licence, date_of_birth, commenced_on, seniority, training_captain, examiner,
           expatriate, left_on, updated_at,
           (active OR coalesce(left_on > (SELECT today FROM rules), false))
               AND coalesce(gone_on > (SELECT today FROM rules), true) AS active,
           fleet || '|' || rank || '|' || training_captain::text || '|' || examiner::text || '|' || expatriate::text AS crew_kind
    FROM (
        SELECT p.id, p.date_of_birth, p.updated_at, coalesce(w.fleet, p.fleet) AS fleet, coalesce(w.base, p.base) AS base,
               coalesce(w.contract, p.contract) AS contract, coalesce(w.rank, p.rank) AS rank,
               coalesce(w.licence, p.licence) AS licence, coalesce(w.commenced_on, p.commenced_on) AS commenced_on,
               coalesce(w.seniority, p.seniority) AS seniority,
               coalesce(w.training_captain, p.training_captain) AS training_captain,
               coalesce(w.examiner, p.examiner) AS examiner, coalesce(w.expatriate, p.expatriate) AS expatriate,
               coalesce(w.active, p.active) AS active, CASE WHEN w.id IS NULL THEN p.left_on ELSE w.left_on END AS left_on,
               -- Who is found later to have left by then had left, whatever was known on the day.
               least(w.gone_on, p.left_on) AS gone_on
        FROM fleetcache.pilots p LEFT JOIN were w ON w.pilot_id = p.id
        WHERE least(w.commenced_on, p.commenced_on) <= (SELECT today FROM rules)
    ) AS stood
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
