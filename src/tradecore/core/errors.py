"""One tree of errors. A message says what was, what was expected, and what to do; each class knows its exit code.

Raise the narrowest class. Nothing here imports anything, so that a skin can map errors without loading numpy.
"""


class TradecoreError(Exception):
    """Anything tradecore refuses or fails at, told in words a person can act on."""

    exit_code = 1


class UsageError(TradecoreError):
    """A command or call was given arguments that cannot be meant."""

    exit_code = 64


class ConfigError(UsageError):
    """A setting is unknown, of the wrong type or out of its range."""


class NothingThereError(TradecoreError):
    """What was asked for does not exist: no workspace, no dataset, no run."""

    exit_code = 2


class StateRefusedError(TradecoreError):
    """Stored state cannot be continued from: corrupt, foreign, newer, or locked by another process."""

    exit_code = 3


class GateRefusedError(TradecoreError):
    """A gate was evaluated and said no."""

    exit_code = 4


class DataError(TradecoreError):
    """Market data broke a rule it must keep: order, range, shape, coverage, hash."""


class StrategyError(TradecoreError):
    """A strategy broke the contract."""


class FaultError(StrategyError):
    """A strategy's decision could not be taken as one: an exception, a NaN, an unknown pair, a size out of range."""


class VenueError(TradecoreError):
    """The venue refused, or its answer could not be understood."""


class AccountingError(TradecoreError):
    """Money did not add up. Never caught: the books are wrong."""


class InterruptedRunError(TradecoreError):
    """A person or the system asked to stop; what was done so far is kept."""

    exit_code = 130
