-- The nearest health region of points outside all regions, such as ships off the coast, with the distance in kilometres.
-- Index: region_part(geom)
-- The index yields pieces by distance in the projection; the distance itself is measured on the ellipsoid.
with my_points (id, lon, lat) as (
  values (1, -123.6, 49.15), (2, -60.0, 46.5)
)
select p.id, r.hruid, r.name_en,
       round((st_distance(at.degrees::geography, st_transform(nearest.geom, 4326)::geography) / 1000)::numeric, 2) as km
from my_points p
cross join lateral (
  select st_setsrid(st_makepoint(p.lon, p.lat), 4326) as degrees,
         st_transform(st_setsrid(st_makepoint(p.lon, p.lat), 4326), 3347) as geom
) as at
cross join lateral (
  select part.region_id, st_closestpoint(part.geom, at.geom) as geom
  from geo.region_parts part
  where part.vintage_id = (select vintage_id from geo.vintages where coverage = 'health-regions' and in_force)
  order by part.geom <-> at.geom
  limit 1
) as nearest
join geo.health_regions r using (region_id)
order by p.id;
