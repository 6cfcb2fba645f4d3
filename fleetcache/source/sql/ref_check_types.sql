-- The kinds of checks in the order of the matrix.
SELECT jsonb_build_object('checkTypes', coalesce(jsonb_agg(jsonb_build_object(
    'code', code, 'name', name, 'category', category, 'position', position, 'neverExpires', never_expires,
    'validity', validity, 'validityUnit', validity_unit, 'countedFrom', counted_from,
    'renewalWindow', renewal_window, 'windowUnit', window_unit, 'ageLimit', age_limit,
    'validityFromAge', validity_from_age) ORDER BY position), '[]'))
FROM check_types
