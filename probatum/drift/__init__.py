"""Drift: does what serves still behave as it did when it was published? Watched by probes, judged by numbers, told as events.

    probes  ->  readings of a window  ->  figures and tests  ->  verdict  ->  ledger: at most one retrain for one drift

`probatum.drift.watching` puts the parts together; the ledger (`probatum.drift.ledger`) is what a retrain has to ask.
"""
