"""A strategy that cheats without meaning to, and how it is caught: lookahead and recursion analysis."""

import tradecore as tc
from tradecore import Strategy, ema, rsi
from tradecore.backtest.lookahead import find_lookahead, find_recursion
from tradecore.core.seeds import generator


class Normalised(Strategy):
    """Scales the RSI by its mean over all the data, and half of that data lies in the future: a common slip."""

    def features(self, p):
        return {"heat": rsi(14), "trend": ema(50)}

    def decide(self, market, account):
        mean = float(market._columns["heat"][14:].mean())  # reaches behind the view; market.window(...) cannot
        if account.position:
            return self.close("above its mean") if market.heat > mean else self.hold("waiting")
        return self.buy(0.5, reason="far below its mean") if market.heat < 0.6 * mean else self.hold("near its mean")


if __name__ == "__main__":
    bars = tc.synthetic("regimes", days=90)
    print("lookahead:", find_lookahead(Normalised, [bars], rng=generator(7, "example")).text)
    recursion = find_recursion(Normalised, [bars])
    print("recursion:", recursion.text)
    for row in recursion.table:
        print(f"  {row.column:<6} {row.bars:>5,} bars of history: {row.relative:.1e} off its value with all of them")
