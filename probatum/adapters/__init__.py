"""Adapters: small files that change how a base model behaves, known by digest, with a life of their own.

    adapters = Adapters(home)
    identity = adapters.add(folder, record)              trained
    adapters.move(identity, "audited", actor="ci")       …, then "champion" through `promote`
    merged(model, adapters.folder(identity))             the base with the adapter in it, checked against its reference

Both kinds (retrieval, behaviour) live the same life: see `probatum.adapters.status`. What can be loaded at all is decided in
`probatum.adapters.shape` and `probatum.adapters.weights`; nothing in an adapter's folder is ever run.
"""
