"""Lists of drugs as their publishers release them: one reader a format, one `Listed` for whatever they read.

    kinds.kind_of(member)     -> "qhp-drugs", "fhir", "spl", "ccdd-mp", "dmd-vmp", "table", …   known by content
    qhp.read(members, …)      -> [Listed("12345XX9876543-209459", "Lialda 1.2 mg tablet", …), …]

A reader takes the files of its format in a release, refuses what is broken in plain words, and says in a count by name
what it did not use: {"plans.network.network_tier": 6}. What is shown of a drug is decided once, in `page`.
"""
