-- New cases and rate of a week by reporting region, highest first. Missing reports have no number.
-- Index: indicator_blob(series_id, measure)
select place, name_en, day_from, day_to, new_7d, rate_7d, status
from geo.indicator_weekly
where indicator = 'cases' and kind = 'region' and week_end = '2022-01-08'
order by rate_7d desc nulls last, place;
