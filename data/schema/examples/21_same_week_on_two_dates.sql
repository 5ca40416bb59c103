-- New cases of the week to 5 November 2022 by province, as published on two dates, and by how much the second revises the first.
-- Index: indicator_value(series_id, period)
with seen as (
  select v.place, d.date, max(v.value) filter (where v.period = '2022-11-05')
                          - max(v.value) filter (where v.period = '2022-10-29') as cases
  from (values ('first', timestamptz '2022-11-17 00:00Z'), ('second', now())) as d (date, as_of)
  cross join lateral geo.indicator_values_at('cases', d.as_of) v
  where v.kind = 'province' and v.period in ('2022-10-29', '2022-11-05')
  group by v.place, d.date
)
select place, a.cases as first, b.cases as second, b.cases - a.cases as revised
from (select * from seen where date = 'first') a
full join (select * from seen where date = 'second') b using (place)
order by place;
