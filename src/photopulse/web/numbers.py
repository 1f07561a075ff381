"""Formats the server's metrics for Prometheus."""

from typing import get_args

from photopulse.web.jobs import State
from photopulse.web.store import JobStore
from photopulse.web.tasks import Kind


def prometheus(store: JobStore) -> str:
    """Returns the server's metrics in the text format of Prometheus, version 0.0.4."""
    # Jobs by state, ended jobs by kind and state, then seconds by kind.
    states, totals = store.states(), store.totals
    lines = ["# HELP photopulse_jobs Jobs that are kept now.", "# TYPE photopulse_jobs gauge"]
    lines += [f'photopulse_jobs{{state="{state}"}} {states[state]}' for state in get_args(State)]
    lines += ["# HELP photopulse_jobs_ended_total Jobs that have ended.", "# TYPE photopulse_jobs_ended_total counter"]
    for kind in get_args(Kind):
        for state in ("done", "failed", "canceled"):
            number = totals.ended[kind, state]
            lines.append(f'photopulse_jobs_ended_total{{kind="{kind}",state="{state}"}} {number}')
    lines += ["# HELP photopulse_job_seconds Seconds that jobs took.", "# TYPE photopulse_job_seconds summary"]
    for kind in get_args(Kind):
        lines.append(f'photopulse_job_seconds_sum{{kind="{kind}"}} {totals.seconds[kind]:.3f}')
        lines.append(f'photopulse_job_seconds_count{{kind="{kind}"}} {totals.ended[kind, "done"]}')
    return "\n".join([*lines, ""])
