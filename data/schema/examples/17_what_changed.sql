-- What changed between the two latest editions of health regions: codes that came, went, or cover another area.
-- Index: region(vintage_id)
-- A region counts as changed where its area differs by more than 1 %: editions are not drawn along the same lines.
with editions as (
  select vintage_id, vintage, row_number() over (order by effective_from desc, vintage_id desc) as number
  from geo.vintages
  where coverage = 'health-regions' and not extract
), after as materialized (
  select h.hruid, h.name_en, h.area_km2 from geo.health_regions_all h where h.vintage_id = (select vintage_id from editions where number = 1)
), before as materialized (
  select h.hruid, h.name_en, h.area_km2 from geo.health_regions_all h where h.vintage_id = (select vintage_id from editions where number = 2)
)
select coalesce(a.hruid, b.hruid) as hruid, b.name_en as name_before, a.name_en as name_after,
       case when b.hruid is null then 'new' when a.hruid is null then 'gone'
            when abs(a.area_km2 / b.area_km2 - 1) > 0.01 then 'another area'
            when a.name_en <> b.name_en then 'renamed' else 'as before' end as what,
       round(b.area_km2) as km2_before, round(a.area_km2) as km2_after
from after a
full join before b using (hruid)
order by what, hruid;
