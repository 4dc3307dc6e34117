"""The reference page of the indicators, written from the catalogue. A test fails when the page in `docs/` is stale."""

from __future__ import annotations

from tradecore.features.catalogue import GROUPS, PRESETS, SPECS
from tradecore.features.feature import Feature
from tradecore.features.spec import Param, Spec

HEAD = """# Indicators

*Generated from the catalogue by `tradecore.features.reference`; do not edit.*

A feature is an indicator with its parameters bound: `ema(9)`, `bollinger(20, 2).upper`. Parameters go by position or
by name. A feature is NaN for its warm-up and finite on every bar after it. A value at bar t is made from bars up to and
including t, in one pass or bar by bar, with the same result to the last bit. Where TA-Lib has the indicator, values
agree with it to 1e-9.
"""


def render() -> str:
    """Return the whole page as Markdown, ending in a newline."""
    parts = [HEAD, _presets()]
    for group in GROUPS:
        members = [spec for spec in SPECS.values() if spec.group == group]
        parts.append(f"## {group.capitalize()}\n\n{_overview(members)}")
        parts.extend(_section(spec) for spec in members)
    return "\n".join(parts)


def _presets() -> str:
    rows = "\n".join(f"| `{name}` | {', '.join(f'`{text}`' for text in texts)} |" for name, texts in PRESETS.items())
    return f"## Presets\n\n| preset | features |\n| --- | --- |\n{rows}\n"


def _overview(members: list[Spec]) -> str:
    rows = "\n".join(
        f"| [`{spec.name}`](#{spec.name}) | {spec.label} | {', '.join(spec.outputs)} |" for spec in members
    )
    return f"| name | indicator | outputs |\n| --- | --- | --- |\n{rows}\n"


def _section(spec: Spec) -> str:
    standard = Feature(spec, spec.bind((), {}))
    facts = [
        f"reads {', '.join(spec.inputs)}",
        f"warm-up {standard.warmup} bars by default" if spec.params else f"warm-up {standard.warmup} bars",
        f"unit: {spec.unit}" if spec.unit else "",
        f"source: {spec.source}" if spec.source else "",
    ]
    body = f"### {spec.name}\n\n`{spec.usage}` · {spec.label}. {spec.text}\n\n{'; '.join(filter(None, facts))}.\n"
    if not spec.params:
        return body
    rows = "\n".join(_row(param) for param in spec.params)
    head = "| parameter | type | default | range | unit | meaning |\n| --- | --- | --- | --- | --- | --- |"
    return f"{body}\n{head}\n{rows}\n"


def _row(param: Param) -> str:
    span = f"{param.low:g} to {param.high:g}"
    return f"| {param.name} | {param.kind} | {param.default:g} | {span} | {param.unit} | {param.text} |"
