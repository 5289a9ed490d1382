"""The steps of a refresh as Prefect tasks, one verb a file: a retry policy, a timeout, and a call of the library."""
