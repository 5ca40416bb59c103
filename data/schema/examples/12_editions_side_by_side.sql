-- A code in every published vintage: names and areas change, and codes are reused for other areas.
-- Index: region(vintage_id)
select hruid, vintage, effective_from, name_en, round(area_km2) as area_km2
from geo.health_regions_all
where hruid in ('3551', '3595')
order by hruid, effective_from;
