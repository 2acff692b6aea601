-- Jobs: schema `jobs` is procrastinate's, open to the worker alone. The surfaces reach it through these functions.

-- A job exists exactly when the caller's transaction commits. Only registered tasks, only ids, never data. The worker
-- may name the moment from which it runs.
CREATE OR REPLACE FUNCTION portal.enqueue_at(task text, ids jsonb, moment timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF (task, current_setting('role')) NOT IN (%TASKS%) THEN
        RAISE EXCEPTION 'nobody here enqueues %', left(task, 80) USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF jsonb_typeof(ids) <> 'object' OR (SELECT count(*) FROM jsonb_object_keys(ids)) > 8 OR EXISTS (
        SELECT 1 FROM jsonb_each(ids) AS x (name, value)
        WHERE jsonb_typeof(value) <> 'string' OR name = 'timestamp' OR name !~ '^[a-z_]{1,40}$'
           OR value #>> '{}' !~ '^[A-Za-z0-9_.:-]{1,64}$'
    ) THEN
        RAISE EXCEPTION 'a job takes ids only' USING ERRCODE = 'check_violation';
    END IF;
    RETURN (jobs.procrastinate_defer_jobs_v1(
        ARRAY[ROW('default', task, 0, NULL, NULL, ids, moment)::jobs.procrastinate_job_to_defer_v1]))[1];
END
$$;

CREATE OR REPLACE FUNCTION portal.enqueue(task text, ids jsonb) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT portal.enqueue_at(task, ids, NULL) $$;

DROP FUNCTION IF EXISTS portal.jobs_for_staff(text, text, bigint, integer);
CREATE FUNCTION portal.jobs_for_staff(wanted text, kind text, before bigint, most integer)
RETURNS TABLE (
    id bigint, task text, status text, ids jsonb, attempts integer, created_at timestamptz, scheduled_at timestamptz,
    started_at timestamptz, finished_at timestamptz, last_event text, error text
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT j.id, j.task_name, j.status::text, j.args - 'timestamp', j.attempts, e.created_at, j.scheduled_at,
           e.started_at, e.finished_at, e.last_event, f.error
    FROM jobs.procrastinate_jobs AS j
    LEFT JOIN jobs.failure AS f ON f.job_id = j.id
    LEFT JOIN LATERAL (
        SELECT min(x.at) FILTER (WHERE x.type = 'deferred') AS created_at,
               max(x.at) FILTER (WHERE x.type = 'started') AS started_at,
               max(x.at) FILTER (WHERE j.status NOT IN ('todo', 'doing')
                                 AND x.type IN ('succeeded', 'failed', 'aborted', 'cancelled')) AS finished_at,
               (array_agg(x.type::text ORDER BY x.id DESC))[1] AS last_event
        FROM jobs.procrastinate_events AS x WHERE x.job_id = j.id
    ) AS e ON true
    WHERE (wanted = '' OR j.status::text = wanted) AND (kind = '' OR j.task_name = kind)
      AND (before IS NULL OR j.id < before)
    ORDER BY j.id DESC LIMIT least(most, 201)
$$;

DROP FUNCTION IF EXISTS portal.jobs_summary();
CREATE FUNCTION portal.jobs_summary() RETURNS TABLE (counts jsonb, waiting_seconds float8, workers integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT
        (SELECT coalesce(jsonb_object_agg(c.status, c.number), '{}')
         FROM (SELECT j.status::text, count(*) AS number FROM jobs.procrastinate_jobs AS j GROUP BY j.status) AS c),
        (SELECT extract(epoch FROM clock_timestamp() - min(coalesce(j.scheduled_at, e.at)))::float8
         FROM jobs.procrastinate_jobs AS j
         JOIN jobs.procrastinate_events AS e ON e.job_id = j.id AND e.type = 'deferred'
         WHERE j.status = 'todo' AND (j.scheduled_at IS NULL OR j.scheduled_at <= now())),
        (SELECT count(*)::integer FROM jobs.procrastinate_workers AS w
         WHERE w.last_heartbeat > now() - interval '30 seconds')
$$;

-- A failed job waits again; no row for one that has not failed.
DROP FUNCTION IF EXISTS portal.job_retry(bigint);
CREATE FUNCTION portal.job_retry(job bigint) RETURNS TABLE (task text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    SELECT j.task_name INTO task FROM jobs.procrastinate_jobs AS j WHERE j.id = job AND j.status = 'failed' FOR UPDATE;
    IF FOUND THEN
        PERFORM jobs.procrastinate_retry_job_v2(job, now(), NULL, NULL, NULL);
        RETURN NEXT;
    END IF;
END
$$;
