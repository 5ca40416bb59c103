-- Correlation of cases and deaths by week in the country, with deaths up to six weeks later.
-- Index: indicator_blob(series_id, measure)
-- Estimated and missing weeks are left out. Both series have trends, so that a high coefficient does not mean a cause.
select l.weeks as deaths_weeks_later, count(*) as weeks, round(corr(c.new_7d, d.new_7d)::numeric, 3) as correlation
from generate_series(0, 6) as l (weeks)
join geo.indicator_weekly c on c.indicator = 'cases' and c.kind = 'country' and c.status <> 'estimated'
join geo.indicator_weekly d
  on d.indicator = 'deaths' and d.place_id = c.place_id and d.week_end = c.week_end + 7 * l.weeks and d.status <> 'estimated'
where c.new_7d is not null and d.new_7d is not null and c.week_end between '2020-09-05' and '2021-12-04'
group by l.weeks
order by l.weeks;
