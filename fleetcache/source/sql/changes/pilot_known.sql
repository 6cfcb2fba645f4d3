-- What the values of a pilot are checked against: what there is, and which numbers are taken by whom.
SELECT (SELECT today FROM rules) AS today,
       (SELECT coalesce(array_agg(code ORDER BY code), '{}') FROM fleets) AS fleets,
       (SELECT coalesce(array_agg(code ORDER BY code), '{}') FROM bases) AS bases,
       (SELECT coalesce(array_agg(code ORDER BY code), '{}') FROM contract_types) AS contracts,
       (SELECT coalesce(jsonb_object_agg(seniority, id), '{}') FROM pilots) AS seniorities,
       (SELECT coalesce(jsonb_object_agg(employee_number, pilot_id), '{}') FROM pilot_identity) AS numbers
