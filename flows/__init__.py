"""When, and in what order. Each flow is a handful of tasks and the one `if` that matters."""
