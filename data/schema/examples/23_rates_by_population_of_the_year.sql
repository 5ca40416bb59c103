-- The rate of a week by the population of its year, and by that of 2019: which regions grew, and what the wrong year would hide.
-- Index: indicator_blob(series_id, measure)
select w.place, w.name_en, w.new_7d, w.rate_7d, p.people, p.year,
       round((w.new_7d * 100000 / nullif(fixed.people, 0))::numeric, 2) as rate_by_2019,
       round((p.people::numeric / nullif(fixed.people, 0) - 1) * 100, 1) as error_percent
from geo.indicator_weekly w
-- The population of the year of the report, or of the nearest year that has one.
cross join lateral (
  select q.people, q.year from geo.populations q where q.place_id = w.place_id
  order by abs(q.year - extract(year from w.day_to)), q.year limit 1
) p
left join geo.populations fixed on fixed.place_id = w.place_id and fixed.year = 2019
where w.indicator = 'cases' and w.kind = 'region' and w.week_end = '2022-01-08' and w.new_7d is not null
order by error_percent desc nulls last, w.place;
