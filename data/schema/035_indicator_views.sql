-- Views of health indicators for analysts. Idempotent; runs after the migrations of both apps.

create or replace view geo.issues as
select i.id as issue_id, n.slug as indicator, i.source, i.issued_at, i.loaded_at, i.file, i.sha256, i.status,
       (select coalesce(sum(c.value::int), 0) from jsonb_each_text(i.report #> '{changes,new}') c)::int as values_new,
       (select coalesce(sum(c.value::int), 0) from jsonb_each_text(i.report #> '{changes,changed}') c)::int as values_changed,
       (select coalesce(sum(c.value::int), 0) from jsonb_each_text(i.report #> '{changes,withdrawn}') c)::int as values_withdrawn,
       array(select g.value ->> 'name' from jsonb_array_elements(i.report -> 'gates') g where g.value ->> 'passed' = 'false')
         as gates_failed,
       array(select jsonb_array_elements_text(i.report -> 'accepted')) as gates_accepted,
       i.report ->> 'because' as because, case when i.report ->> 'named' = 'true' then i.report ->> 'by' end as accepted_by
from public.indicator_issue i join public.indicator n on n.id = i.indicator_id;

create or replace view geo.issue_changes as
select i.id as issue_id, n.slug as indicator, c.place,
       coalesce(sum(c.number) filter (where c.change = 'new'), 0)::int as values_new,
       coalesce(sum(c.number) filter (where c.change = 'changed'), 0)::int as values_changed,
       coalesce(sum(c.number) filter (where c.change = 'withdrawn'), 0)::int as values_withdrawn
from public.indicator_issue i
join public.indicator n on n.id = i.indicator_id
cross join lateral (
  select k.key as change, p.key as place, p.value::int as number
  from jsonb_each(i.report -> 'changes') k cross join lateral jsonb_each_text(k.value) p
) c
group by i.id, n.slug, c.place;

create or replace view geo.indicators as
select n.id as indicator_id, n.slug as indicator, n.name_en, n.name_fr, n.definition_en, n.definition_fr, n.unit, n.kind,
       n.period, n.good_direction, n.coverage, n.vintage_label as vintage, n.licence, n.licence_url, n.attribution_en,
       n.attribution_fr, last.issue_id, last.issued_at
from public.indicator n
cross join lateral (
  select i.id as issue_id, i.issued_at from public.indicator_issue i
  where i.indicator_id = n.id and i.status = 'published' order by i.issued_at desc, i.id desc limit 1
) last;

create or replace view geo.places as
select p.id as place_id, p.kind, p.coverage, p.vintage_label as vintage, p.code, p.key as place, p.pruid, p.name_en, p.name_fr,
       p.parent_id as parent_place_id
from public.place p;

create or replace view geo.place_members as
select m.place_id, p.key as place, p.coverage as place_coverage, p.vintage_label as place_vintage, m.coverage,
       m.vintage_label as vintage, m.code, m.method, m.share_of_place, m.share_of_region, m.basis
from public.place_member m join public.place p on p.id = m.place_id;

-- How the people of a place are distributed over the health regions of other vintages; used on request only.
create or replace view geo.place_weights as
select w.place_id, p.key as place, p.coverage as place_coverage, p.vintage_label as place_vintage, w.coverage,
       w.vintage_label as vintage, w.code, w.share_of_place, w.basis
from public.place_weight w join public.place p on p.id = w.place_id
where (w.coverage, w.vintage_label) in (
  select c.slug, v.label from public.vintage v join public.coverage c on c.id = v.coverage_id where v.status = 'published'
);

create or replace view geo.populations as
select q.place_id, p.key as place, p.kind, p.coverage, p.vintage_label as vintage, q.year, q.people, q.source
from public.place_population q join public.place p on p.id = q.place_id;

create or replace view geo.data_notes as
select n.slug as indicator, p.key as place, t.day_from, t.day_to, t.text_en, t.text_fr, t.url
from public.indicator_note t join public.indicator n on n.id = t.indicator_id left join public.place p on p.id = t.place_id;

create or replace view geo.indicator_values as
select n.slug as indicator, p.kind, p.coverage, p.vintage_label as vintage, p.key as place, p.pruid, v.period, v.value,
       (array['reported', 'carried', 'not_reported', 'unassigned', 'suppressed', 'capped', 'withdrawn', 'estimated'])[v.status + 1]
         as status,
       s.place_id, v.from_issue_id as issue_id
from public.indicator_value v
join public.indicator_series s on s.id = v.series_id
join public.indicator n on n.id = s.indicator_id
join public.place p on p.id = s.place_id
where v.to_issue_id is null;

-- Every value of every issue: from_issue_id stated it first, to_issue_id stated another or withdrew it.
create or replace view geo.indicator_values_all as
select n.slug as indicator, p.kind, p.coverage, p.vintage_label as vintage, p.key as place, p.pruid, v.period, v.value,
       (array['reported', 'carried', 'not_reported', 'unassigned', 'suppressed', 'capped', 'withdrawn', 'estimated'])[v.status + 1]
         as status,
       s.place_id, v.from_issue_id, v.to_issue_id, f.issued_at as issued_at, t.issued_at as superseded_at
from public.indicator_value v
join public.indicator_series s on s.id = v.series_id
join public.indicator n on n.id = s.indicator_id
join public.place p on p.id = s.place_id
left join public.indicator_issue f on f.id = v.from_issue_id
left join public.indicator_issue t on t.id = v.to_issue_id;

-- One row per week and region: the value of the API's map on that Saturday.
create or replace view geo.indicator_weekly as
select n.slug as indicator, p.kind, p.coverage, p.vintage_label as vintage, p.key as place, p.pruid, p.name_en, p.name_fr,
       w.week_end, case when c.values[w.i] is not null then w.week_end - c.lags[w.i] - c.spans[w.i] + 1 end as day_from,
       case when c.values[w.i] is not null then w.week_end - c.lags[w.i] end as day_to,
       c.values[w.i] as new_7d, r.values[w.i] as rate_7d,
       (array['reported', 'carried', 'not_reported', 'unassigned', 'suppressed', 'capped', 'withdrawn', 'estimated'])[c.statuses[w.i] + 1]
         as status,
       s.place_id
from public.indicator_series s
join public.indicator n on n.id = s.indicator_id
join public.place p on p.id = s.place_id
join public.indicator_blob c on c.series_id = s.id and c.measure = 'new_7d'
join public.indicator_blob r on r.series_id = s.id and r.measure = 'rate_7d'
cross join lateral (
  select d.i, c.start + d.i - 1 as week_end
  from generate_series(1 + (13 - extract(dow from c.start)::int) % 7, cardinality(c.values), 7) as d (i)
) w;

-- One row per day and region, from the arrays that a publication derives.
create or replace view geo.indicator_days as
select n.slug as indicator, p.kind, p.coverage, p.vintage_label as vintage, p.key as place, p.pruid, d.day,
       case when b.values[d.i] is not null then d.day - b.lags[d.i] - b.spans[d.i] + 1 end as day_from,
       case when b.values[d.i] is not null then d.day - b.lags[d.i] end as day_to,
       case when b.measure in ('value', 'cumulative') then b.values[d.i] else t.values[d.i] end as value,
       case when b.measure = 'new_7d' then b.values[d.i] end as new_7d, r.values[d.i] as rate_7d,
       (array['reported', 'carried', 'not_reported', 'unassigned', 'suppressed', 'capped', 'withdrawn', 'estimated'])[b.statuses[d.i] + 1]
         as status,
       s.place_id
from public.indicator_series s
join public.indicator n on n.id = s.indicator_id
join public.place p on p.id = s.place_id
join public.indicator_blob b on b.series_id = s.id and b.measure = case when n.kind in ('cumulative', 'count') then 'new_7d' else 'value' end
left join public.indicator_blob r on r.series_id = s.id and r.measure = 'rate_7d'
left join public.indicator_blob t on t.series_id = s.id and t.measure = case n.kind when 'cumulative' then 'cumulative' else 'value' end
cross join lateral (
  select i.i, b.start + i.i - 1 as day from generate_series(1, cardinality(b.values)) as i (i)
) d;

-- Choropleth: the regions of a vintage, by default that of the indicator, with the values of a day. In QGIS: a layer of
-- select * from geo.indicator_map('cases', '2022-01-08').
create or replace function geo.indicator_map(
  indicator text, day date, in_coverage text default null, in_vintage text default null
)
returns table (
  region_id bigint, code text, name_en text, name_fr text, pruid text, rate_7d double precision, new_7d double precision,
  value double precision, status text, method text, place text, "group" text, day_from date, day_to date, geom geometry,
  geom_4326 geometry
)
language sql stable parallel safe
begin atomic
  with chosen as (
    select n.indicator, n.kind in ('percent', 'concentration') as intensive, n.kind in ('cumulative', 'count') as weekly,
           n.coverage as own_coverage, n.vintage as own_vintage,
           coalesce(in_coverage, n.coverage) as coverage, coalesce(in_vintage, n.vintage) as vintage
    from geo.indicators n where n.indicator = indicator_map.indicator
  ), members as (
    select m.code, m.method, m.place_id from geo.place_members m, chosen c
    where m.coverage = c.coverage and m.vintage = c.vintage and m.place_coverage = c.own_coverage
      and m.place_vintage = c.own_vintage and (c.coverage, c.vintage) <> (c.own_coverage, c.own_vintage)
    union all
    select p.code, 'same', p.place_id from geo.places p, chosen c
    where p.kind = 'region' and p.coverage = c.coverage and p.vintage = c.vintage
      and (c.coverage, c.vintage) = (c.own_coverage, c.own_vintage)
  ), figures as (
    select m.code, m.method, p.place, d.new_7d, d.rate_7d, d.value, coalesce(d.status, 'not_reported') as status, d.day_from, d.day_to,
           case when c.weekly then d.new_7d else d.value end as stated,
           (select q.people from geo.populations q where q.place_id = m.place_id
            order by abs(q.year - extract(year from coalesce(d.day_to, indicator_map.day))), q.year limit 1) as people
    from members m
    cross join chosen c
    join geo.places p on p.place_id = m.place_id
    left join geo.indicator_days d on d.place_id = m.place_id and d.indicator = indicator_map.indicator and d.day = indicator_map.day
  ), regions as (
    -- Only rates, percentages and concentrations hold for a part of a place; percentages and concentrations cannot be added. The
    -- status of a sum is that of its first missing part, or else the last one in the order of the statuses, as in the API.
    select f.code, max(f.method) as method, string_agg(f.place, ',' order by f.place) as place,
           case when max(f.method) <> 'part_of' and count(f.new_7d) = count(*) then sum(f.new_7d) end as new_7d,
           case when count(*) = 1 then max(f.rate_7d)
                when count(f.new_7d) = count(*) and count(f.people) = count(*) and sum(f.new_7d) >= 0
                then round((sum(f.new_7d) * 100000 / nullif(sum(f.people), 0))::numeric, 2)::double precision end as rate_7d,
           case when max(f.method) = 'same' or max(f.method) = 'part_of' and bool_and(c.intensive) then max(f.value)
                when max(f.method) in ('sum', 'common') and not bool_or(c.intensive) and count(f.value) = count(*) then sum(f.value)
                end as value,
           case when count(*) = 1 then max(f.status)
                when bool_or(c.intensive) then 'not_reported'
                when count(f.stated) < count(*) then (array_agg(f.status order by f.place) filter (where f.stated is null))[1]
                else (array_agg(f.status order by array_position(
                  array['estimated', 'withdrawn', 'capped', 'suppressed', 'unassigned', 'not_reported', 'carried', 'reported'], f.status
                )))[1] end as status,
           min(f.day_from) as day_from, max(f.day_to) as day_to
    from figures f cross join chosen c
    group by f.code
    having max(f.method) = min(f.method) and (max(f.method) in ('sum', 'common') or count(*) = 1 and max(f.method) in ('same', 'part_of'))
  ), grouped as (
    select g.*, case when g.method = 'common' then string_agg(g.code, ',') over (
      partition by g.method, g.place order by g.code rows between unbounded preceding and unbounded following
    ) end as "group"
    from regions g
  )
  select r.region_id, r.code::text, r.name_en::text, r.name_fr::text, r.pruid::text, g.rate_7d, g.new_7d, g.value,
         coalesce(g.status, 'not_reported'), g.method, g.place, g."group", g.day_from, g.day_to, r.geom, r.geom_4326
  from chosen c
  join geo.regions_all r on r.coverage = c.coverage and r.vintage = c.vintage
  left join grouped g on g.code = r.code
  order by r.code;
end;

-- Values as of an instant: those of the last issue published then. The ids of an indicator's published issues increase with time.
create or replace function geo.indicator_values_at(indicator text, as_of timestamptz)
returns table (
  kind text, coverage text, vintage text, place text, pruid text, period date, value double precision, status text,
  place_id bigint, issue_id bigint
)
language sql stable parallel safe
begin atomic
  select v.kind::text, v.coverage::text, v.vintage::text, v.place::text, v.pruid::text, v.period, v.value, v.status,
         v.place_id, v.from_issue_id
  from geo.indicator_values_all v
  cross join (
    select i.issue_id from geo.issues i
    where i.indicator = indicator_values_at.indicator and i.status = 'published' and i.issued_at <= indicator_values_at.as_of
    order by i.issued_at desc, i.issue_id desc limit 1
  ) last
  where v.indicator = indicator_values_at.indicator and v.from_issue_id <= last.issue_id
    and (v.to_issue_id is null or v.to_issue_id > last.issue_id);
end;
