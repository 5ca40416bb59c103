-- The share of a province's new cases of 2022 without a health region.
-- Index: indicator_value(series_id, period)
select n.pruid, round((n.new / nullif(t.new, 0))::numeric, 3) as share_unassigned
from (
  select kind, pruid, max(value) filter (where period = last) - max(value) filter (where period = '2021-12-31') as new
  from (select *, max(period) over (partition by place_id) as last from geo.indicator_values where indicator = 'cases') v
  where kind in ('unassigned', 'province') group by kind, pruid
) n
join (
  select pruid, max(value) filter (where period = last) - max(value) filter (where period = '2021-12-31') as new
  from (select *, max(period) over (partition by place_id) as last from geo.indicator_values where indicator = 'cases' and kind = 'province') v
  group by pruid
) t using (pruid)
where n.kind = 'unassigned'
order by share_unassigned desc;
