-- Changes between the two latest vintages of health regions: the kind of each change, and where the area went.
-- Index: change(other_vintage_id, region_id)
-- One row per region that has part of the area now. A new region is one that is gone in the opposite direction. Demonstrations are
-- not compared: without two real vintages there are no rows.
with after as materialized (
  select vintage_id, effective_from from geo.vintages where coverage = 'health-regions' and in_force
), before as materialized (
  select v.vintage_id from geo.vintages v, after
  where v.coverage = 'health-regions' and not v.extract and not v.demo and v.effective_from < after.effective_from
  order by v.effective_from desc, v.representation desc
  limit 1
)
select c.kind, c.code, c.name_en, c.other_code as code_now, c.other_name_en as name_now, c.code_reused,
       round(c.area_km2) as km2, round(100 * c.share_of_region) as percent_of_it
from geo.changes c
where c.vintage_id = (select vintage_id from before) and c.other_vintage_id = (select vintage_id from after)
  and c.kind <> 'kept'
union all
select 'new', null, null, c.code, c.name_en, c.code_reused, null, null
from geo.changes c
where c.vintage_id = (select vintage_id from after) and c.other_vintage_id = (select vintage_id from before) and c.kind = 'gone'
order by kind, code, km2 desc;
