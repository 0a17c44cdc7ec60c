"""What the sources say today, as far as they were asked again (`harvest audit --recheck`)."""

from harvest.audit.check import Check
from harvest.config.policy import Severity

__all__ = ["RECHECK"]

_NEEDS = frozenset({"rechecks"})

RECHECK = (
    Check(
        id="source-opt-out",
        severity=Severity.VIOLATION,
        title="No source has refused since the image was taken",
        fault="Images that their source refuses by now",
        explanation="When it was asked again, the source said something against taking the image that it had not said "
        "before, and that the policy honours.",
        needs=_NEEDS,
        sql="""
            SELECT a.sha256, a.part, a.path,
                   string_agg(DISTINCT signal.kind || ': ' || signal.value || ' (' || signal."where" || '), '
                              || strftime(asked_at, '%Y-%m-%d'), '; ') AS detail
            FROM audited a JOIN (
                SELECT sha256, asked_at, unnest(json_transform(
                    opt_out, '[{"kind": "VARCHAR", "value": "VARCHAR", "where": "VARCHAR"}]')) AS signal
                FROM latest_rechecks WHERE json_array_length(opt_out) > 0
            ) USING (sha256)
            WHERE signal.kind IN (SELECT unnest($honoured)) GROUP BY a.sha256, a.part, a.path""",
    ),
    Check(
        id="source-licence",
        severity=Severity.WARNING,
        title="The sources still state the same licences",
        fault="Images whose source states another licence by now",
        explanation="When it was asked again, the landing page stated another licence than the one that was recorded, "
        "or no longer stated the one it had stated when it was asked before. Creative Commons licences cannot be taken "
        "back, but whoever put the first one there may not have been entitled to it.",
        needs=_NEEDS,
        sql="""
            SELECT a.sha256, a.part, a.path, detail FROM audited a JOIN (
                SELECT sha256, coalesce(license_before, 'unknown') || ' before, '
                    || coalesce(license_now, 'unknown: ' || license_raw_now) || ' on '
                    || strftime(asked_at, '%Y-%m-%d') AS detail
                FROM latest_rechecks
                WHERE license_raw_now IS NOT NULL AND license_now IS DISTINCT FROM license_before
                UNION ALL
                SELECT l.sha256, 'no licence stated any more, ' || max_by(r.license_raw_now, r.asked_at)
                    || ' on ' || strftime(max(r.asked_at), '%Y-%m-%d')
                FROM latest_rechecks l JOIN rechecks r USING (sha256, image_url)
                WHERE l.page_status = 200 AND l.license_raw_now IS NULL AND r.license_raw_now IS NOT NULL
                GROUP BY l.sha256
            ) USING (sha256)""",
    ),
    Check(
        id="source-gone",
        severity=Severity.WARNING,
        title="The sources still show every image",
        fault="Images that their source has taken down or closed",
        explanation="When it was asked again, the address or its landing page answered that it is gone (404, 410), or "
        "that nobody may see it (401, 403, 451, robots.txt). A creator who removes a picture may not want it used.",
        needs=_NEEDS,
        sql="""
            SELECT a.sha256, a.part, a.path,
                   CASE WHEN r.outcome IN ('gone', 'refused') THEN 'image ' || r.outcome
                        ELSE 'its page is gone' END
                   || coalesce(' (HTTP ' || CASE WHEN r.outcome IN ('gone', 'refused') THEN r.http_status
                                                 ELSE r.page_status END || ')', '')
                   || ' on ' || strftime(r.asked_at, '%Y-%m-%d') || coalesce(': ' || r.detail, '') AS detail
            FROM audited a JOIN latest_rechecks r USING (sha256)
            WHERE r.outcome IN ('gone', 'refused') OR r.page_status IN (404, 410)""",
    ),
    Check(
        id="source-changed",
        severity=Severity.NOTE,
        title="The sources still serve the same bytes at the same addresses",
        fault="Images whose address brings other bytes or leads elsewhere",
        explanation="When it was asked again, the address served other bytes, or sent on to another address than "
        "before. What is here stays what was served then; that the source changed it can be of interest.",
        needs=_NEEDS,
        sql="""
            SELECT a.sha256, a.part, a.path,
                   r.outcome || ' on ' || strftime(r.asked_at, '%Y-%m-%d') || coalesce(': ' || r.detail, '')
                   || coalesce(', leads to ' || r.moved_to, '') AS detail
            FROM audited a JOIN latest_rechecks r USING (sha256) WHERE r.outcome IN ('changed', 'moved')""",
    ),
)
