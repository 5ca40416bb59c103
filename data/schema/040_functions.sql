-- Point in polygon functions: the regions that cover a position on a day. Idempotent; runs after the views.
--
-- The bodies have the SQL standard form: names are resolved at creation, so that a caller's search_path has no effect. They run with
-- the caller's rights on the views. PostgreSQL inlines them into the calling query, so that a join of a million points is planned as
-- one query. `set` clauses, `strict` and `security definer` would prevent inlining.

create or replace function geo.vintages_at(at date)
returns table (vintage_id bigint, coverage character varying, vintage character varying)
language sql stable parallel safe
begin atomic
  select distinct on (v.coverage) v.vintage_id, v.coverage, v.vintage
  from geo.vintages v
  where not v.extract and v.effective_from <= at and (v.effective_to is null or v.effective_to > at)
  order by v.coverage, v.demo, v.effective_from desc, v.representation desc, v.vintage_id desc;
end;

-- A region covers a position within a millimetre on the ground; of several, the region with the lowest code is returned. The result is
-- not certain within two metres of another region plus the misfit of the vintage's borders (misfit_m; docs/decisions/0001, 0020).
-- Invalid positions, and positions far from Canada, have no region; NaN sorts above every number, so `between` excludes it.
create or replace function geo.region_at(
  coverage text, lon double precision, lat double precision, at date default current_date
)
returns table (
  region_id bigint, code character varying, name_en text, name_fr text, pruid character varying, certain boolean,
  vintage_id bigint
)
language sql stable parallel safe
begin atomic
  select r.region_id, r.code, r.name_en, r.name_fr, r.pruid,
         not exists (
           select from geo.region_parts q
           where q.vintage_id = r.vintage_id and q.region_id <> r.region_id
             and public.st_dwithin(q.geom, position.geom, (2 + r.misfit_m) * position.scale)
         ),
         r.vintage_id
  from (
    select projected.geom,
           -- Units of EPSG:3347 per metre on the ground, the same in every direction.
           public.st_distance(
             projected.geom,
             public.st_transform(public.st_project(projected.degrees::public.geography, 100, pi())::public.geometry, 3347)
           ) / 100 as scale
    from (
      -- Not `where`: the planner evaluates constant expressions before the condition.
      select input.degrees, public.st_transform(input.degrees, 3347) as geom
      from (
        select case when lon between -180 and 180 and lat between 40 and 90
               then public.st_setsrid(public.st_makepoint(lon, lat), 4326) end as degrees
      ) as input
      offset 0
    ) as projected
    offset 0
  ) as position
  cross join lateral (
    select p.region_id
    from geo.region_parts p
    where public.st_dwithin(p.geom, position.geom, 0.001 * position.scale)
      and p.vintage_id = (select v.vintage_id from geo.vintages_at(region_at.at) v where v.coverage = region_at.coverage)
    group by p.region_id
  ) as near
  join geo.regions_all r on r.region_id = near.region_id
  order by r.code
  limit 1;
end;

-- If health region and FSA are in different provinces, neither is certain: their vintages draw the border differently.
create or replace function geo.health_region_at(lon double precision, lat double precision, at date default current_date)
returns table (
  region_id bigint, hruid character varying, name_en text, name_fr text, pruid character varying, certain boolean,
  vintage_id bigint
)
language sql stable parallel safe
begin atomic
  select r.region_id, r.code, r.name_en, r.name_fr, r.pruid,
         r.certain and not exists (
           select from geo.region_at('fsa', lon, lat, at) f where f.pruid <> r.pruid and f.pruid <> '' and r.pruid <> ''
         ),
         r.vintage_id
  from geo.region_at('health-regions', lon, lat, at) r;
end;

create or replace function geo.fsa_at(lon double precision, lat double precision, at date default current_date)
returns table (region_id bigint, cfsauid character varying, pruid character varying, certain boolean, vintage_id bigint)
language sql stable parallel safe
begin atomic
  select f.region_id, f.code, f.pruid,
         f.certain and not exists (
           select from geo.region_at('health-regions', lon, lat, at) r
           where f.pruid <> r.pruid and f.pruid <> '' and r.pruid <> ''
         ),
         f.vintage_id
  from geo.region_at('fsa', lon, lat, at) f;
end;

-- A postal code has the precision of its FSA.
create or replace function geo.health_regions_of_fsa(code text, at date default current_date)
returns table (
  hruid character varying, name_en text, name_fr text, share_of_fsa double precision, share_of_region double precision,
  area_km2 double precision, health_region_id bigint, fsa_region_id bigint, health_region_vintage_id bigint,
  fsa_vintage_id bigint
)
language sql stable parallel safe
begin atomic
  select o.hruid, o.name_en, o.name_fr, o.share_of_fsa, o.share_of_region, o.area_km2, o.health_region_id, o.fsa_region_id,
         o.health_region_vintage_id, o.fsa_vintage_id
  from geo.fsa_health_regions_all o
  where o.cfsauid = upper(left(btrim(health_regions_of_fsa.code), 3))
    and o.fsa_vintage_id = (select v.vintage_id from geo.vintages_at(at) v where v.coverage = 'fsa')
    and o.health_region_vintage_id = (select v.vintage_id from geo.vintages_at(at) v where v.coverage = 'health-regions')
  order by o.share_of_people desc nulls last, o.share_of_fsa desc, o.hruid;
end;
