"""Training adapters: one loop for every kind, the pairs a retrieval adapter learns from, and the gate before both.

    pairs -> leaks -> loop -> evaluate -> adapters (the registry)

Nothing here is imported by search, by a refresh or by LanceDB's side of the house: training runs on a worker of its own.
"""
