-- The house's settings.
SELECT jsonb_build_object('settings', coalesce(jsonb_agg(jsonb_build_object(
    'name', name, 'value', value, 'description', description) ORDER BY name), '[]'))
FROM settings
