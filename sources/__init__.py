"""One module a publisher: where its releases are, what they look like, how they are read."""
