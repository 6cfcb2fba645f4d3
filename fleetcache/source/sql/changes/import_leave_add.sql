-- New leave requests, a batch of them as JSON; what is decided was decided elsewhere, and is so from now on here.
INSERT INTO leave_requests (pilot_id, leave_type, first_day, last_day, status, channel, submitted_at, decided_at,
                            decided_by, decision_reason)
SELECT pilot_id, leave_type, first_day, last_day, status, channel, now(),
       CASE WHEN status <> 'SUBMITTED' THEN now() END, decided_by, decision_reason
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
    pilot_id bigint, leave_type text, first_day date, last_day date, status text, channel text, decided_by text,
    decision_reason text)
