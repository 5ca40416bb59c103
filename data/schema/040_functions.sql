-- What covers a position, and on which day. Runs as often as you like; needs the views.
--
-- The bodies are SQL of the standard's form: names are resolved here and now, so nobody's search_path can change what they
-- mean. They run with the caller's rights, on the views that every reader has. PostgreSQL writes them into the query that
-- calls them, so that a join of a million points is planned as one query: `set` clauses, `strict` and `security definer` would
-- prevent that.

create or replace function geo.vintages_at(at date)
returns table (vintage_id bigint, coverage character varying, vintage character varying)
language sql stable parallel safe
begin atomic
  select distinct on (v.coverage) v.vintage_id, v.coverage, v.vintage
  from geo.vintages v
  where not v.extract and v.effective_from <= at and (v.effective_to is null or v.effective_to > at)
  order by v.coverage, v.demo, v.effective_from desc, v.representation desc, v.vintage_id desc;
end;

-- A region covers a position if it is within a millimetre of it, and of several the one with the lowest code is the answer;
-- it is not certain within two metres of another (docs/decisions/0001). Positions that are none, or far outside Canada, where
-- the projection is not defined everywhere, have no region; NaN sorts above every number, so `between` lets it through nowhere.
create or replace function geo.region_at(
  coverage text, lon double precision, lat double precision, at date default current_date
)
returns table (
  region_id bigint, code character varying, name_en text, name_fr text, pruid character varying, certain boolean,
  vintage_id bigint
)
language sql stable parallel safe
begin atomic
  select near.region_id, r.code, r.name_en, r.name_fr, r.pruid, near.regions = 1, r.vintage_id
  from (
    -- Not `where`: the planner computes what is constant before it asks where.
    select case when lon between -142 and -52 and lat between 41 and 90
           then public.st_transform(public.st_setsrid(public.st_makepoint(lon, lat), 4326), 3347) end as geom
    offset 0
  ) as position
  cross join lateral (
    select p.region_id, min(public.st_distance(p.geom, position.geom)) as distance, count(*) over () as regions
    from geo.region_parts p
    where public.st_dwithin(p.geom, position.geom, 2)
      and p.vintage_id = (select v.vintage_id from geo.vintages_at(region_at.at) v where v.coverage = region_at.coverage)
    group by p.region_id
  ) as near
  join geo.regions_all r on r.region_id = near.region_id
  where near.distance <= 0.001
  order by r.code
  limit 1;
end;

create or replace function geo.health_region_at(lon double precision, lat double precision, at date default current_date)
returns table (
  region_id bigint, hruid character varying, name_en text, name_fr text, pruid character varying, certain boolean,
  vintage_id bigint
)
language sql stable parallel safe
begin atomic
  select * from geo.region_at('health-regions', lon, lat, at);
end;

create or replace function geo.fsa_at(lon double precision, lat double precision, at date default current_date)
returns table (region_id bigint, cfsauid character varying, pruid character varying, certain boolean, vintage_id bigint)
language sql stable parallel safe
begin atomic
  select r.region_id, r.code, r.pruid, r.certain, r.vintage_id from geo.region_at('fsa', lon, lat, at) r;
end;

-- A postal code is as good as its FSA.
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
  order by o.share_of_fsa desc, o.hruid;
end;
