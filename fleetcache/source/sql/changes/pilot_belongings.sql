-- What goes with a pilot who is removed.
SELECT (SELECT count(*) FROM certifications WHERE pilot_id = :pilot) AS certifications,
       (SELECT count(*) FROM leave_requests WHERE pilot_id = :pilot) AS leave_requests
