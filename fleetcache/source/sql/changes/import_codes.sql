-- The codes that columns of imports may hold, as far as they are rows of tables.
SELECT 'fleet' AS "column", code, name, row_number() OVER (ORDER BY code) AS position FROM fleets
UNION ALL SELECT 'base', code, name, row_number() OVER (ORDER BY code) FROM bases
UNION ALL SELECT 'contract', code, name, row_number() OVER (ORDER BY code) FROM contract_types
UNION ALL SELECT 'check_type', code, name, position FROM check_types
ORDER BY "column", position
