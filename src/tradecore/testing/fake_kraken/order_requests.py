"""Reads an order as a client wrote it, over REST or a socket, into an `OrderRequest`, or refuses in the venue's words.

Both spellings go through one reader: a socket's parameters are first written in REST's words. Whether there are funds,
whether the client's id is taken and what the book says is the matching engine's business, not decided here.
Invariant: what comes out has absolute prices on the pair's tick and a volume within the pair's rules.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from tradecore.core.errors import UsageError
from tradecore.core.types import SECOND_NS, Nanoseconds, Pair, Side, parse_time
from tradecore.testing.fake_kraken.order_record import CloseRequest, OrderRequest, Trail
from tradecore.testing.fake_kraken.private_ports import MarketSide, PairRules
from tradecore.testing.fake_kraken.said import Said

ORDER_TYPES = (
    *("market", "limit", "iceberg", "stop-loss", "take-profit", "stop-loss-limit", "take-profit-limit"),
    *("trailing-stop", "trailing-stop-limit"),
)
_SIDES = {"buy": Side.BUY, "sell": Side.SELL}
_LONGEST_DEADLINE_NS = 60 * SECOND_NS
_CLIENT_ID = re.compile(
    r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32}|[\x21-\x7e ]{1,18}"
)


def read_order(form: Mapping[str, Any], market: MarketSide, now: Nanoseconds) -> OrderRequest:
    """Read an order in REST's words. Errors: Said with the venue's own string."""
    pair = market.find_pair(str(form.get("pair", "")))
    rules = market.pair_rules(pair)
    side = _SIDES.get(str(form.get("type")))
    order_type = str(form.get("ordertype"))
    if side is None:
        raise Said("EGeneral:Invalid arguments:type")
    if order_type not in ORDER_TYPES:
        raise Said("EGeneral:Invalid arguments:ordertype")
    if str(form.get("leverage", "none")) not in {"none", "0", ""}:
        raise Said("EGeneral:Invalid arguments:leverage")
    flags = tuple(flag for flag in re.split(r"[,\s]+", str(form.get("oflags", ""))) if flag)
    if not {"fciq", "fcib"} & set(flags):
        flags += ("fciq",)
    prices = _prices(form, order_type, side, market.last(pair), rules)
    userref, cl_ord_id = read_ids(form)
    force = str(form.get("timeinforce") or "GTC").upper()
    if force not in {"GTC", "IOC", "GTD", "FOK"}:
        raise Said("EGeneral:Invalid arguments:timeinforce")
    return OrderRequest(
        pair=pair,
        side=side,
        order_type=order_type,
        volume=_volume(form, rules, in_quote="viqc" in flags),
        **prices,
        in_quote="viqc" in flags,
        time_in_force=force,
        flags=flags,
        userref=userref,
        cl_ord_id=cl_ord_id,
        start_at=_moment(form.get("starttm"), now, "starttm"),
        expire_at=_expiry(form, force, now),
        deadline=read_deadline(form, now),
        close=_close(form.get("close"), rules),
        reduce_only=truth(form.get("reduce_only")),
        validate=truth(form.get("validate")),
        trigger_signal=str(form.get("trigger") or "last"),
        shown=number(form["displayvol"], "displayvol") if form.get("displayvol") is not None else None,
    )


def from_socket(params: Mapping[str, Any]) -> dict[str, Any]:
    """Write a socket's add_order parameters in REST's words."""
    form: dict[str, Any] = {
        rest: params[name]
        for name, rest in (
            *(("symbol", "pair"), ("side", "type"), ("order_type", "ordertype"), ("order_qty", "volume")),
            *(("time_in_force", "timeinforce"), ("cl_ord_id", "cl_ord_id"), ("order_userref", "userref")),
            *(("deadline", "deadline"), ("validate", "validate"), ("reduce_only", "reduce_only")),
            *(("effective_time", "starttm"), ("expire_time", "expiretm"), ("display_qty", "displayvol")),
        )
        if name in params
    }
    flags = ["post"] if truth(params.get("post_only")) else []
    if params.get("fee_preference"):
        flags.append(str(params["fee_preference"]))
    if "cash_order_qty" in params:
        flags.append("viqc")
        form["volume"] = params["cash_order_qty"]
    form["oflags"] = ",".join(flags)
    if truth(params.get("margin")):
        form["leverage"] = "2:1"
    triggers = params.get("triggers")
    limit = _socket_price(params.get("limit_price"), params.get("limit_price_type"))
    if isinstance(triggers, Mapping):
        form["price"] = _socket_price(triggers.get("price"), triggers.get("price_type"))
        form["price2"] = limit
        form["trigger"] = triggers.get("reference", "last")
    else:
        form["price"] = limit
    wish = params.get("conditional")
    if isinstance(wish, Mapping):
        trigger, price = wish.get("trigger_price"), wish.get("limit_price")
        form["close"] = {
            "ordertype": wish.get("order_type"),
            "price": trigger if trigger is not None else price,
            "price2": price if trigger is not None else None,
        }
    return {name: value for name, value in form.items() if value is not None}


def read_ids(form: Mapping[str, Any]) -> tuple[int, str | None]:
    """Read userref and cl_ord_id; the venue takes one of them. Errors: Said."""
    userref, client = form.get("userref"), form.get("cl_ord_id")
    if userref not in (None, "") and client is not None:
        raise Said("EGeneral:Invalid arguments:userref and cl_ord_id are mutually exclusive")
    if client is not None and not _CLIENT_ID.fullmatch(str(client)):
        raise Said("EGeneral:Invalid arguments:cl_ord_id")
    try:
        number_ = int(str(userref)) if userref not in (None, "") else 0
    except ValueError:
        raise Said("EGeneral:Invalid arguments:userref") from None
    if not -(2**31) <= number_ < 2**31:
        raise Said("EGeneral:Invalid arguments:userref")
    return number_, None if client is None else str(client)


def read_deadline(form: Mapping[str, Any], now: Nanoseconds) -> Nanoseconds | None:
    """Read the moment after which the venue must refuse. Errors: Said when it has passed or is too far away."""
    if form.get("deadline") in (None, ""):
        return None
    deadline = read_moment(str(form["deadline"]), "deadline")
    if deadline <= now:
        raise Said("EService:Deadline elapsed")
    if deadline > now + _LONGEST_DEADLINE_NS + SECOND_NS:
        raise Said("EGeneral:Invalid arguments:deadline")
    return deadline


def read_moment(text: str, field: str) -> Nanoseconds:
    """Read an RFC 3339 time. Errors: Said naming the field."""
    try:
        datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
        return parse_time(re.sub(r"(\.\d{6})\d+", r"\1", text))
    except (ValueError, UsageError):
        raise Said(f"EGeneral:Invalid arguments:{field}") from None


def number(value: Any, field: str) -> Decimal:
    """Read a finite number of either spelling. Errors: Said naming the field."""
    try:
        result = Decimal(str(value))
    except InvalidOperation:
        raise Said(f"EGeneral:Invalid arguments:{field}") from None
    if not result.is_finite():
        raise Said(f"EGeneral:Invalid arguments:{field}")
    return result


def truth(value: Any) -> bool:
    """Read a flag as forms and JSON spell it."""
    return value is True or str(value).lower() in {"true", "1"}


def check_price(price: Decimal, rules: PairRules) -> Decimal:
    """Refuse a price that is not positive, has too many decimals or is off the tick. Errors: Said."""
    if price <= 0:
        raise Said("EOrder:Invalid price")
    if price != round(price, rules.price_decimals):
        raise Said(
            f"EOrder:Invalid price:{rules.altname} price can only be specified up to {rules.price_decimals} decimals."
        )
    if price % rules.tick:
        raise Said("EOrder:Tick size check failed")
    return price


def check_volume(volume: Decimal, rules: PairRules) -> Decimal:
    """Refuse a volume that is too small or has too many decimals. Errors: Said."""
    if volume <= 0 or volume != round(volume, rules.lot_decimals):
        raise Said("EGeneral:Invalid arguments:volume")
    if volume < rules.order_min:
        raise Said("EOrder:Order minimum not met")
    return volume


def _volume(form: Mapping[str, Any], rules: PairRules, *, in_quote: bool) -> Decimal:
    if form.get("volume") in (None, ""):
        raise Said("EGeneral:Invalid arguments:volume")
    volume = number(form["volume"], "volume")
    if not in_quote:
        return check_volume(volume, rules)
    if str(form.get("ordertype")) != "market" or volume <= 0:
        raise Said("EGeneral:Invalid arguments:viqc")
    return volume


def _prices(form: Mapping[str, Any], order_type: str, side: Side, last: Decimal, rules: PairRules) -> dict[str, Any]:
    first, second = form.get("price"), form.get("price2")
    if order_type == "market":
        return {}
    if first in (None, "", "0"):
        raise Said("EGeneral:Invalid arguments:price")
    if order_type in {"limit", "iceberg"}:
        return {"limit": resolve_price(str(first), last, side, rules, away=-1)}
    if order_type.startswith("trailing"):
        trail = _trail(str(first))
        if order_type == "trailing-stop":
            return {"trail": trail}
        return {"trail": trail, "limit_offset": _offset(str(second), last)}
    away = 1 if order_type.startswith("stop") else -1
    trigger = resolve_price(str(first), last, side, rules, away=away)
    if not order_type.endswith("limit"):
        return {"trigger": trigger}
    if second in (None, "", "0"):
        raise Said("EGeneral:Invalid arguments:price2")
    return {"trigger": trigger, "limit": resolve_price(str(second), trigger, side, rules, away=1)}


def resolve_price(text: str, base: Decimal, side: Side, rules: PairRules, *, away: int) -> Decimal:
    """Read an absolute or relative price: +x and -x from `base`, #x to the side that fits the order, x% of the base.

    `away` is +1 when the order's price lies beyond the market in the direction of its side (a stop), -1 when before it.
    Errors: Said when it is no price of the pair.
    """
    if text[:1] not in {"+", "-", "#"}:
        return check_price(number(text, "price"), rules)
    percent = text.endswith("%")
    step = number(text[1:].removesuffix("%"), "price")
    step = base * step / 100 if percent else step
    sign = {"+": 1, "-": -1, "#": away * int(side)}[text[0]]
    ticks = ((base + sign * step) / rules.tick).quantize(Decimal(1), ROUND_HALF_UP)
    return check_price(ticks * rules.tick, rules)


def _trail(text: str) -> Trail:
    percent = text.endswith("%")
    distance = number(text.lstrip("+#").removesuffix("%"), "price")
    if distance <= 0:
        raise Said("EOrder:Invalid price")
    return Trail(distance / 100 if percent else distance, percent)


def _offset(text: str, last: Decimal) -> Decimal:
    value = number(text.lstrip("+#").removesuffix("%"), "price2")
    return last * value / 100 if text.endswith("%") else value


def _close(wish: Any, rules: PairRules) -> CloseRequest | None:
    if not isinstance(wish, Mapping) or not wish:
        return None
    kind = str(wish.get("ordertype"))
    if kind not in ORDER_TYPES or kind in {"market", "iceberg"} or kind.startswith("trailing"):
        raise Said("EGeneral:Invalid arguments:close[ordertype]")
    first = check_price(number(wish.get("price"), "close[price]"), rules)
    if kind == "limit":
        return CloseRequest(kind, first, None)
    if not kind.endswith("limit"):
        return CloseRequest(kind, None, first)
    return CloseRequest(kind, check_price(number(wish.get("price2"), "close[price2]"), rules), first)


def _expiry(form: Mapping[str, Any], force: str, now: Nanoseconds) -> Nanoseconds:
    expire = _moment(form.get("expiretm"), now, "expiretm")
    if force == "GTD" and not expire:
        raise Said("EGeneral:Invalid arguments:expiretm")
    if expire and expire <= now:
        raise Said("EGeneral:Invalid arguments:expiretm")
    return expire if force == "GTD" else 0


def _moment(value: Any, now: Nanoseconds, field: str) -> Nanoseconds:
    text = "" if value is None else str(value)
    if text in {"", "0"}:
        return 0
    if text.startswith("+"):
        return now + int(number(text[1:], field)) * SECOND_NS
    if re.fullmatch(r"\d+", text):
        return int(text) * SECOND_NS
    return read_moment(text, field)


def _socket_price(value: Any, kind: Any) -> str | None:
    if value is None:
        return None
    if kind in (None, "static"):
        return str(value)
    text = str(value) if str(value).startswith(("-", "+")) else f"+{value}"
    return f"{text}%" if kind == "pct" else text


def pair_of(form: Mapping[str, Any], market: MarketSide) -> Pair | None:
    """Return the pair a request names, if it names one."""
    return market.find_pair(str(form["pair"])) if form.get("pair") else None
