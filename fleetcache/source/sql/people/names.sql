-- Everyone on file by number and name, for those who are signed in; a pilot whose name nobody has entered is one of them.
SELECT p.id AS pilot_id, coalesce(i.employee_number, 'pilot ' || p.id) AS employee_number,
       coalesce(i.family_name || ', ' || i.given_name, 'Name not on file') AS name
FROM fleetcache.pilots p LEFT JOIN pilot_identity i ON i.pilot_id = p.id
WHERE current_setting('fleetcache.role', true) IN ('viewer', 'manager', 'admin')
