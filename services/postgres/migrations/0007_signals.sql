-- What the signals look for by effective date. The first costs intake only where such an event comes; its list of
-- types is that of services/inspection/signal_facts.py. The second holds a range of dates for each 32 pages and costs next to
-- nothing: facts come roughly in the order of their dates.
CREATE INDEX log_raising_idx ON taizhang.log (effective_on) WHERE topic IN (
    'taizhang.branch.formed.v1', 'taizhang.branch.coverage_changed.v1', 'taizhang.instructor.assigned.v1',
    'taizhang.organization.excluded.v1', 'taizhang.organization.deregistered.v1'
);
CREATE INDEX log_effective_on_idx ON taizhang.log
    USING brin (effective_on) WITH (pages_per_range = 32, autosummarize = on);
