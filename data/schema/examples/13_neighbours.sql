-- The neighbours of a health region, with the length of the shared border in kilometres on the ellipsoid.
-- Index: region_part(geom)
-- In vintages simplified region by region, neighbours are slightly apart: regions within a metre count as touching here.
with here as materialized (
  select region_id, vintage_id, st_boundary(geom) as line from geo.health_regions where hruid = '3551'
), near as (
  select distinct other.region_id
  from here
  join geo.region_parts own using (region_id)
  join geo.region_parts other on st_dwithin(own.geom, other.geom, 1) and other.region_id <> own.region_id
  where other.vintage_id = here.vintage_id
)
select r.hruid, r.name_en,
       round((st_length(st_transform(st_intersection(here.line, st_boundary(r.geom)), 4326)::geography) / 1000)::numeric, 1) as km
from near
join geo.health_regions r using (region_id)
cross join here
order by km desc, r.hruid;
