-- Cases with a position and a day, each in the region in force on that day.
-- Index: region_part(geom)
with my_cases (id, day, lon, lat) as (
  values (1, date '2020-03-15', -79.3832, 43.6532), (2, date '2023-03-15', -79.3832, 43.6532)
)
select c.id, c.day, r.hruid, r.name_en, v.vintage
from my_cases c
left join lateral geo.health_region_at(c.lon, c.lat, c.day) r on true
left join geo.vintages v using (vintage_id)
order by c.id;
