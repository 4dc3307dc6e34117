"""The text that `tradecore strategy new NAME` writes: a strategy that works, with a comment at every choice."""

from __future__ import annotations

import keyword
import re

from tradecore.core.errors import UsageError
from tradecore.strategy.builtin import BUILTINS

_NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")

_TEMPLATE = '''\
"""{title}: say here what the idea is, when it fails, and where it comes from."""

from tradecore import Float, Int, Strategy, atr, ema


class {kind}(Strategy):
    """Long while the fast average leads; leave when it falls back, or at a stop a few ranges below."""

    # The bars it is made for. Pairs are chosen when it is run; write pairs = ("BTC/USD", "ETH/USD") to trade several.
    timeframe = "1h"

    # Each parameter: default, lowest, highest. The command line and the optimiser read them here.
    params = {{
        "fast": Int(12, 2, 100),
        "slow": Int(48, 5, 500),
        "ranges": Float(3.0, 0.5, 10.0),
        "size": Float(0.5, 0.01, 1.0),
    }}

    def features(self, p):
        # Computed by the shell, once, and read below as market.fast, market.slow, market.range.
        # What there is: tradecore features list
        return {{"fast": ema(p.fast), "slow": ema(p.slow), "range": atr(14)}}

    def decide(self, market, account):
        # Called at the close of every bar. What you answer reaches the market at the open of the next one.
        if account.position:
            if market.fast < market.slow:
                return self.close("the fast average fell back")
            return self.hold("in the trend")
        if market.crossed_above("fast", "slow"):
            # A bare number is a fraction: size of equity, stop of the entry price. The shell keeps the stop for you.
            stop = -min(self.p.ranges * market.range / market.close, 0.5)
            return self.buy(self.p.size, stop=stop, reason="the fast average took the lead")
        # A reason costs nothing, and the decision log then says why nothing happened.
        return self.hold("no crossing")
'''


def file_name(name: str) -> str:
    """Return the file name of a new strategy: my-idea becomes my_idea.py.

    Errors: UsageError for a name that is no name, a word of Python's, or that of a built-in.
    """
    plain = name.lower()
    stem = plain.replace("-", "_")
    if _NAME.fullmatch(plain) is None or keyword.iskeyword(stem) or len(stem) > 64:
        raise UsageError(
            f"strategy name {name!r}: expected words of letters and digits joined by hyphens, as in my-idea"
        )
    if stem.replace("_", "-") in BUILTINS:
        raise UsageError(f"strategy name {name!r} is that of a built-in; choose another")
    return f"{stem}.py"


def render(name: str) -> str:
    """Return the text of a new strategy file. Errors: as `file_name`."""
    words = file_name(name).removesuffix(".py").split("_")
    return _TEMPLATE.format(title=" ".join(words).capitalize(), kind="".join(word.capitalize() for word in words))
