-- What analysts see: the vintages in force today and how they overlap. Runs as often as you like.
-- At a container's first start the tables are not there yet; migrate makes them and runs this file again.
do $do$
declare
  note record;
begin
  if to_regclass('public.region') is null then
    return;
  end if;

  create or replace view geo.vintages as
  select v.id as vintage_id, c.slug as coverage, v.label as vintage, v.effective_from, v.effective_to, v.representation,
         v.demo, v.extract, v.region_count, v.product, v.source_url, v.licence, v.licence_url, v.attribution_en,
         v.attribution_fr, v.published_at,
         -- The same rule as the API's: the latest that took effect, a real one before a demonstration, digital before
         -- cartographic; an extract never.
         v.id is not distinct from (
           select w.id from public.vintage w
           where w.coverage_id = v.coverage_id and w.status = 'published' and not w.extract
             and w.effective_from <= current_date and (w.effective_to is null or w.effective_to > current_date)
           order by w.demo, w.effective_from desc, w.representation desc, w.id desc limit 1
         ) as in_force
  from public.vintage v join public.coverage c on c.id = v.coverage_id
  where v.status = 'published';

  create or replace view geo.health_regions as
  select r.id as region_id, r.code as hruid, r.dguid, r.name_en, r.name_fr, r.pruid, r.population, r.land_area_km2,
         r.area_km2, v.vintage, v.demo, r.geom, r.rep_point
  from public.region r join geo.vintages v on v.vintage_id = r.vintage_id
  where v.coverage = 'health-regions' and v.in_force;

  create or replace view geo.fsa as
  select r.id as region_id, r.code as cfsauid, r.dguid, r.pruid, r.land_area_km2, r.area_km2, v.vintage, v.demo, r.geom,
         r.rep_point
  from public.region r join geo.vintages v on v.vintage_id = r.vintage_id
  where v.coverage = 'fsa' and v.in_force;

  create or replace view geo.fsa_health_regions as
  select f.cfsauid, h.hruid, h.name_en, h.name_fr, o.area_km2, o.share_of_fsa, o.share_of_region,
         f.vintage as fsa_vintage, h.vintage as health_region_vintage
  from public.overlap o join geo.fsa f on f.region_id = o.fsa_id join geo.health_regions h on h.region_id = o.health_region_id
  -- Slivers: editions that are not drawn along the same lines. The API leaves out the same.
  where o.share_of_fsa >= 0.001;

  comment on view geo.vintages is 'Published editions of boundaries; in_force marks the one that answers today.';
  comment on view geo.health_regions is 'Health regions in force today, as published (geom: EPSG:3347, metres).';
  comment on view geo.fsa is 'Forward sortation areas in force today, as published (geom: EPSG:3347, metres).';
  comment on view geo.fsa_health_regions is 'How the FSAs and health regions in force today overlap, with shares of area; from 0.1 % of an FSA up.';

  -- A column says in a view what it says in its table.
  for note in
    select distinct on (shown.relname, shown.attname)
           format('comment on column geo.%I.%I is %L', shown.relname, shown.attname, source.text) as sql
    from (
      select c.relname, a.attname,
             case a.attname when 'hruid' then 'code' when 'cfsauid' then 'code' when 'vintage' then 'label'
               when 'fsa_vintage' then 'label' when 'health_region_vintage' then 'label' else a.attname end as attname_there
      from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
      where c.relnamespace = 'geo'::regnamespace and c.relkind = 'v' and a.attname <> 'coverage'
    ) as shown
    join (
      select a.attrelid::regclass::text as relname, a.attname, col_description(a.attrelid, a.attnum) as text
      from pg_attribute a
      where a.attrelid in ('public.region'::regclass, 'public.vintage'::regclass, 'public.overlap'::regclass)
        and col_description(a.attrelid, a.attnum) is not null
    ) as source on source.attname = shown.attname_there
    order by shown.relname, shown.attname,
             case when shown.relname = 'fsa_health_regions' and source.relname like '%overlap' then 0
                  when source.relname like '%region' then 1 else 2 end
  loop
    execute note.sql;
  end loop;
  comment on column geo.vintages.vintage_id is 'Stable key of the edition.';
  comment on column geo.vintages.coverage is 'health-regions, fsa or another kind of region.';
  comment on column geo.vintages.in_force is 'True for the edition that answers for its coverage today.';
  comment on column geo.health_regions.region_id is 'Stable key of the region in this edition.';
  comment on column geo.fsa.region_id is 'Stable key of the FSA in this edition.';
end
$do$;
