-- By how much new cases of a week were wrong at first (nowcasting error), by weeks since the end of the week, against the newest issue.
-- Index: indicator_value(series_id, period)
-- An error of -0.2: a fifth was still missing. The median and the tenth and ninetieth percentile are over provinces, weeks and issues.
with weeks as (
  select w::date as week_end from generate_series(date '2022-08-06', date '2022-11-05', interval '7 days') w
), issues as (
  select issue_id, issued_at from geo.issues where indicator = 'cases' and status = 'published'
), seen as (
  select v.place, w.week_end, i.issue_id, (i.issued_at::date - w.week_end) / 7 as weeks_later,
         max(v.value) filter (where v.period = w.week_end) - max(v.value) filter (where v.period = w.week_end - 7) as cases
  from weeks w
  join issues i on i.issued_at::date >= w.week_end
  join geo.indicator_values_all v
    on v.indicator = 'cases' and v.kind = 'province' and v.period in (w.week_end, w.week_end - 7)
       and v.from_issue_id <= i.issue_id and (v.to_issue_id is null or v.to_issue_id > i.issue_id)
  group by v.place, w.week_end, i.issue_id, i.issued_at
), errors as (
  select s.weeks_later, s.cases / nullif(last.cases, 0) - 1 as error
  from seen s
  join seen last using (place, week_end)
  where last.issue_id = (select issue_id from issues order by issued_at desc, issue_id desc limit 1) and last.cases > 0
)
select weeks_later, count(*) as figures,
       round(percentile_cont(0.5) within group (order by error)::numeric, 3) as median_error,
       round(percentile_cont(0.1) within group (order by error)::numeric, 3) as p10,
       round(percentile_cont(0.9) within group (order by error)::numeric, 3) as p90
from errors
where error is not null
group by weeks_later
order by weeks_later;
