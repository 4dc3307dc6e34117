"""The socket's `instrument` snapshot: every asset and pair the fake venue lists, as that channel spells them."""

from __future__ import annotations

from decimal import Decimal
from functools import cache

from tradecore.testing.fake_kraken.listing import ASSETS, PAIRS, ListedAsset, ListedPair, plain


@cache
def instruments() -> str:
    """Return the `data` of the snapshot as JSON."""
    assets = ",".join(_asset(asset) for asset in ASSETS.values())
    pairs = ",".join(_pair(listed) for listed in PAIRS.values())
    return f'{{"assets":[{assets}],"pairs":[{pairs}]}}'


def _asset(asset: ListedAsset) -> str:
    lent = ""
    if asset.collateral_value is not None:
        lent = f',"collateral_value":{asset.collateral_value:.2f},"margin_rate":{asset.margin_rate:.6f}'
    return (
        f'{{"id":"{asset.name}","status":"enabled","precision":{asset.decimals},'
        f'"precision_display":{asset.display_decimals},"borrowable":{"true" if lent else "false"}{lent}}}'
    )


def _pair(listed: ListedPair) -> str:
    base, _, quote = listed.symbol.partition("/")
    lot = Decimal(1).scaleb(-listed.lot_decimals)
    return (
        f'{{"symbol":"{listed.symbol}","base":"{base}","quote":"{quote}","status":"{listed.status}",'
        f'"qty_precision":{listed.lot_decimals},"qty_increment":{plain(lot)},"price_precision":{listed.price_decimals},'
        f'"cost_precision":{listed.cost_decimals},"marginable":true,"has_index":true,'
        f'"cost_min":{plain(listed.cost_min)},"margin_initial":0.20,"position_limit_long":80,'
        f'"position_limit_short":80,"tick_size":{plain(listed.tick)},"price_increment":{plain(listed.tick)},'
        f'"qty_min":{listed.order_min:.8f}}}'
    )
