-- Points that may belong to another region if their positions are accurate to 500 m only (a phone indoors, a rounded address).
-- Index: region_part(geom)
with my_points (id, lon, lat) as (
  values (1, -75.7009, 45.4236), (2, -79.3832, 43.6532)
)
select p.id, array_agg(distinct r.hruid order by r.hruid) as may_be_in
from my_points p
cross join lateral (select st_transform(st_setsrid(st_makepoint(p.lon, p.lat), 4326), 3347) as geom) as at
join geo.region_parts part on st_dwithin(part.geom, at.geom, 500)
join geo.health_regions r using (region_id)
group by p.id
order by p.id;
