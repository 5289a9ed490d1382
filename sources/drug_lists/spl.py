def read(members, limits, unused):
    return []
