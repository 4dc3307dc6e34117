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


class StorageError(TradecoreError):
    """Object storage refused, could not be reached, or is not there."""


class StrategyError(TradecoreError):
    """A strategy broke the contract."""


class FaultError(StrategyError):
    """A strategy's decision could not be taken as one: an exception, a NaN, an unknown pair, a size out of range."""


class VenueError(TradecoreError):
    """The venue refused, or its answer could not be understood.

    `words` are the venue's own, where it said any. `retryable` says that asking again later may be answered well; for
    an order it never means that it may be sent again. `retry_after_s` is how long to wait at least, where known.
    """

    def __init__(
        self, message: str = "", *, words: str = "", retryable: bool = False, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.words = words
        self.retryable = retryable
        self.retry_after_s = retry_after_s


class VenueRefusedError(VenueError):
    """The venue itself said no, in its own list of errors; nothing happened."""


class AuthenticationError(VenueRefusedError):
    """The venue does not accept key, signature, session or token."""


class NonceRefusedError(AuthenticationError):
    """The venue saw a nonce that was not above the last one: another program uses the same key."""


class NotPermittedError(VenueRefusedError):
    """The key or the account lacks the right to do this."""


class RateLimitedError(VenueRefusedError):
    """The venue was asked too often."""


class ArgumentsRefusedError(VenueRefusedError):
    """The venue does not accept the arguments of a request."""


class UnknownPairError(VenueRefusedError):
    """The venue has no such pair or asset."""


class MarketClosedError(VenueRefusedError):
    """The market takes no such order now: maintenance, cancel-only or post-only."""


class OrderRefusedError(VenueRefusedError):
    """The venue refused an order for what it asks."""


class InsufficientFundsError(OrderRefusedError):
    """The account does not hold what the order needs."""


class OrderMinimumError(OrderRefusedError):
    """An order is smaller than the venue's minimum quantity or cost."""


class OrderPriceError(OrderRefusedError):
    """An order's price is off the tick, outside the allowed range, or would take where it may only make."""


class OrderLimitError(OrderRefusedError):
    """The account has too many open orders or positions for one more."""


class UnknownOrderError(OrderRefusedError):
    """The venue has no such open order."""


class VenueUnavailableError(VenueError):
    """The venue could not be reached or could not answer now."""


class ReplyError(VenueError):
    """The venue answered something that cannot be understood; the message names the field."""


class OutcomeUnknownError(VenueError):
    """A write was sent and nobody knows whether it happened. Never sent again: look it up at the venue."""


class AccountingError(TradecoreError):
    """Money did not add up. Never caught: the books are wrong."""


class InterruptedRunError(TradecoreError):
    """A person or the system asked to stop; what was done so far is kept."""

    exit_code = 130
