-- Views for analysts. Idempotent; runs after the migrations, which create the tables.
-- A view reads with its owner's rights: its readers need no rights on the tables. A publication changes the status of a row and no
-- view, so grants and plans stay valid.

create or replace view geo.vintages as
select v.id as vintage_id, c.slug as coverage, v.label as vintage, v.effective_from, v.effective_to, v.representation,
       v.demo, v.extract, v.region_count, v.product, v.source_url, v.licence, v.licence_url, v.attribution_en,
       v.attribution_fr, v.published_at,
       -- The API's rule: the latest in effect, real before demonstration, digital before cartographic, never an extract.
       -- geo.vintages_at applies it to any day.
       v.id is not distinct from (
         select w.id from public.vintage w
         where w.coverage_id = v.coverage_id and w.status = 'published' and not w.extract
           and w.effective_from <= current_date and (w.effective_to is null or w.effective_to > current_date)
         order by w.demo, w.effective_from desc, w.representation desc, w.id desc limit 1
       ) as in_force,
       v.source_file, v.source_sha256, v.misfit_m
from public.vintage v join public.coverage c on c.id = v.coverage_id
where v.status = 'published';

-- Regions of every coverage, including those declared in sources.toml only. The geometry in degrees is joined, so that a query
-- without it does not read it.
create or replace view geo.regions_all as
select r.id as region_id, c.slug as coverage, r.code, r.dguid, r.name_en, r.name_fr, r.pruid, r.population, r.land_area_km2,
       r.area_km2, v.id as vintage_id, v.label as vintage, v.effective_from, v.effective_to, v.representation, v.demo,
       v.extract, r.geom, degrees.geom as geom_4326, r.rep_point, coalesce(r.misfit_m, 0) as misfit_m
from public.region r
join public.vintage v on v.id = r.vintage_id
join public.coverage c on c.id = v.coverage_id
left join public.region_level degrees on degrees.region_id = r.id and degrees.level = 'full'
where v.status = 'published';

create or replace view geo.regions as
select * from geo.regions_all
where vintage_id = any (array(select vintage_id from geo.vintages where in_force));

create or replace view geo.health_regions_all as
select region_id, code as hruid, dguid, name_en, name_fr, pruid, population, land_area_km2, area_km2, vintage_id, vintage,
       effective_from, effective_to, representation, demo, extract, geom, geom_4326, rep_point
from geo.regions_all
where coverage = 'health-regions';

-- The vintage is looked up once per query, not once per region.
create or replace view geo.health_regions as
select * from geo.health_regions_all
where vintage_id = (select vintage_id from geo.vintages where coverage = 'health-regions' and in_force);

create or replace view geo.fsa_all as
select region_id, code as cfsauid, dguid, pruid, population, land_area_km2, area_km2, vintage_id, vintage,
       effective_from, effective_to, representation, demo, extract, geom, geom_4326, rep_point
from geo.regions_all
where coverage = 'fsa';

create or replace view geo.fsa as
select * from geo.fsa_all
where vintage_id = (select vintage_id from geo.vintages where coverage = 'fsa' and in_force);

-- Without slivers and other artefacts of differently drawn borders, as in the API. They are in geo.fsa_health_region_artefacts_all.
create or replace view geo.fsa_health_regions_all as
select o.id as overlap_id, f.code as cfsauid, h.code as hruid, h.name_en, h.name_fr, o.area_km2, o.share_of_fsa,
       o.share_of_region, f.id as fsa_region_id, h.id as health_region_id, fv.id as fsa_vintage_id, fv.label as fsa_vintage,
       hv.id as health_region_vintage_id, hv.label as health_region_vintage, fv.demo or hv.demo as demo, o.share_outside,
       o.share_of_people, o.people_basis
from public.overlap o
join public.region f on f.id = o.fsa_id
join public.region h on h.id = o.health_region_id
join public.vintage fv on fv.id = o.fsa_vintage_id
join public.vintage hv on hv.id = o.health_region_vintage_id
where o.share_of_fsa >= 0.001 and coalesce(o.artefact, '') = '' and fv.status = 'published' and hv.status = 'published';

create or replace view geo.fsa_health_regions as
select * from geo.fsa_health_regions_all
where fsa_vintage_id = (select vintage_id from geo.vintages where coverage = 'fsa' and in_force)
  and health_region_vintage_id = (select vintage_id from geo.vintages where coverage = 'health-regions' and in_force);

-- Overlaps of an FSA and a health region that exist only because two vintages draw a border differently.
create or replace view geo.fsa_health_region_artefacts_all as
select o.id as overlap_id, f.code as cfsauid, h.code as hruid,
       coalesce(nullif(o.artefact, ''), 'sliver') as kind, o.width_m, o.area_km2, o.share_of_fsa, f.id as fsa_region_id,
       h.id as health_region_id, fv.id as fsa_vintage_id, fv.label as fsa_vintage, hv.id as health_region_vintage_id,
       hv.label as health_region_vintage
from public.overlap o
join public.region f on f.id = o.fsa_id
join public.region h on h.id = o.health_region_id
join public.vintage fv on fv.id = o.fsa_vintage_id
join public.vintage hv on hv.id = o.health_region_vintage_id
where (o.share_of_fsa < 0.001 or o.artefact <> '') and fv.status = 'published' and hv.status = 'published';

-- Boundaries subdivided into small pieces for spatial joins: an index finds them, and tests of them are fast.
create or replace view geo.region_parts as
select p.id as part_id, p.region_id, p.vintage_id, p.geom
from public.region_part p
where p.vintage_id = any (array(select id from public.vintage where status = 'published'));

-- Changes of regions between vintages: one row for each pair of regions that share area, and one for a region without a successor.
-- Without slivers, as in the API.
create or replace view geo.changes as
select c.slug as coverage, v.label as vintage, w.label as other_vintage, r.code, r.name_en, r.name_fr, ch.kind,
       o.code as other_code, o.name_en as other_name_en, o.name_fr as other_name_fr, o.area_km2, o.share_of_region,
       o.share_of_other, ch.share_outside, ch.code_reused, ch.id as change_id, r.id as region_id, o.id as other_region_id,
       v.id as vintage_id, w.id as other_vintage_id
from public.change ch
join public.region r on r.id = ch.region_id
join public.vintage v on v.id = r.vintage_id
join public.coverage c on c.id = v.coverage_id
join public.vintage w on w.id = ch.other_vintage_id
left join lateral (
  select other.id, other.code, other.name_en, other.name_fr, p.area_km2, p.share_of_region, p.share_of_other
  from public.counterpart p join public.region other on other.id = p.other_id
  where p.region_id = ch.region_id and other.vintage_id = ch.other_vintage_id
    and greatest(p.share_of_region, p.share_of_other) >= 0.001
) as o on true
where v.status = 'published' and w.status = 'published';
