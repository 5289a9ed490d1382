"""Errors, classed by what can be done about them, each with an exit code that never changes.

A message has three parts, in this order: what happened (ids, seen against allowed), what is safe, what to do next.
Content of documents and questions never goes into one.
"""

STILL_SERVES = "Nothing was published; what served before still serves."


class ProbatumError(Exception):
    """Something a person has to read. `exit_code` is what the command line ends with."""

    exit_code = 1

    def __init__(self, happened: str, *, safe: str = STILL_SERVES, next: str):
        self.happened, self.safe, self.next = happened, safe, next
        super().__init__(f"{happened} {safe} {next}")

    def __reduce__(self):
        return (_rebuild, (type(self), self.happened, self.safe, self.next))


def _rebuild(cls: type[ProbatumError], happened: str, safe: str, next: str) -> ProbatumError:
    return cls(happened, safe=safe, next=next)


class Retryable(ProbatumError):
    """It may work later without anybody changing anything: a network, a lock, a busy publisher."""

    exit_code = 10


class Rejected(ProbatumError):
    """The input or the candidate is not good enough; somebody has to look at it."""

    exit_code = 20


class Conflict(ProbatumError):
    """Somebody else published first; start again from what serves now."""

    exit_code = 30


class Damaged(ProbatumError):
    """What is on disk is not what was written."""

    exit_code = 40


class Misconfigured(ProbatumError):
    """A setting, a file of expectations or a command line is wrong."""

    exit_code = 50
