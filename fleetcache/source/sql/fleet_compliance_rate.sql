-- Headline compliance.
{dashboard_metrics/compliance}
