"""The end report, for people."""

from collections.abc import Iterable, Mapping

from rich.box import ROUNDED, SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from pipeline.dev.demo.bands import COLOURS, band_of, name_of
from pipeline.dev.demo.portraits import FactorLine, Portrait
from pipeline.dev.demo.result import Result, histogram
from pipeline.dev.demo.run import Outcome, Running

WIDTH_MAX = 100
_BAR_WIDTH = 48
_FACTOR_BAR_WIDTH = 24
_NAME_WIDTH = 17
_OUTCOMES = {
    "applied": "folded into people's factors",
    "not_covered": "not covered by a consent: counted, nothing kept",
    "duplicate": "sent before, recognised by the event's id",
}
_AFTERWARDS = (
    ("sesame demo --keep", "the same, left running to look around"),
    ("sesame demo --people 10000 --events 1000000", "a larger one"),
)
_ALWAYS = (
    ("docs/architecture.md", "how it works; docs/decisions says why"),
    ("sesame --help", "every command"),
)


def print_report(outcome: Outcome, console: Console) -> None:
    """Print the outcome, no wider than WIDTH_MAX."""
    console.width = min(console.width, WIDTH_MAX)
    result = outcome.result
    console.print()
    _section(console, "What happened", _what_happened(result))
    _section(console, "Scores", _scores(result))
    _section(console, "Three people", *(_portrait(each) for each in outcome.portraits))
    _section(console, "What the partners decided", _decisions(result.decisions))
    _section(console, "Dead letters", _dead_letters(result))
    _section(console, "Does it add up?", _checks(result))
    _section(console, "Where to look next", _next(outcome))


def _section(console: Console, title: str, *parts: RenderableType) -> None:
    console.print(Rule(Text(title, "bold"), align="left", style="dim"))
    console.print(Padding(Group(*parts), (0, 0, 1, 2)))


def _what_happened(result: Result) -> RenderableType:
    head = Text.assemble(
        (f"{result.events:,} events", "bold"),
        f" of {result.population:,} people over {result.months} months in ",
        (f"{result.seconds:.1f} s", "bold"),
        ": ",
        (f"{result.events_per_second:,} events/s", "bold magenta"),
        ", from the first sent to the last applied, the sending on the same machine included. "
        f"{result.score_records:,} score records came of them and {result.signals:,} signals "
        "between linked people; ",
        (f"{result.lag:,} records are left waiting", "bold"),
        f". With starting and watching it took {result.total_seconds:.0f} s.",
    )
    table = _grid()
    for name, words in _OUTCOMES.items():
        table.add_row(_count(result.outcomes[name]), words)
    refused = sum(n for name, n in result.outcomes.items() if name not in _OUTCOMES)
    table.add_row(_count(refused), "refused, and put into the dead letters with the reason")
    return Group(head, Text(), table)


def _scores(result: Result) -> RenderableType:
    bins = histogram(result.points)
    top = max(bins.values(), default=0) or 1
    table = Table.grid(padding=(0, 2))
    for label, count in bins.items():
        band = band_of(int(label.split("-")[0]))
        bar = _bar(count, top, _BAR_WIDTH, COLOURS[band])
        table.add_row(label, Text(name_of(band), COLOURS[band]), bar, _count(count))
    people = Text.assemble(
        (f"{len(result.points):,}", "bold"),
        f" of {result.enrolled:,} enrolled people have a score, ",
        (f"{result.thin_file:,}", "bold"),
        " a thin file (never a low number). "
        f"{result.population - result.enrolled:,} others never enrolled or withdrew: "
        "nothing is kept of them.",
    )
    return Group(people, Text(), table)


def _portrait(each: Portrait) -> RenderableType:
    parts: list[RenderableType] = []
    if each.score is not None:
        parts.append(_factors(each))
    if each.why:
        heading = "What costs points" if each.score is not None else "What is missing"
        parts.append(_list(heading, each.why))
    if each.advice:
        parts.append(_list("What would help", each.advice))
    return Panel(
        Group(*parts),
        box=ROUNDED,
        border_style="dim",
        title=_portrait_title(each),
        title_align="left",
    )


def _portrait_title(each: Portrait) -> Text:
    if each.score is None:
        return Text.assemble((each.title, "bold"), f": {each.user_id}, no score yet")
    band = band_of(each.score)
    score = (f"{each.score} {name_of(band)}", f"bold {COLOURS[band]}")
    title = Text.assemble((each.title, "bold"), f": {each.user_id}, ", score)
    if each.probability_of_default is not None:
        title.append(f", {each.probability_of_default:.1%} probability of default")
    return title


def _factors(each: Portrait) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(min_width=_NAME_WIDTH)
    table.add_column(width=_FACTOR_BAR_WIDTH)
    table.add_column(justify="right")
    table.add_row("everybody's base", "", f"{each.base}", "")
    for line in each.factors:
        span = max(line.max_points - line.min_points, 1)
        colour = "blue" if line.consented else "grey37"
        bar = _bar(line.points - line.min_points, span, _FACTOR_BAR_WIDTH, colour)
        name = line.factor.lower().replace("_", " ")
        table.add_row(name, bar, f"{line.points:+d}", Text(_factor_words(line), "dim"))
    table.add_row("score", "", Text(f"{each.score}", "bold"), "")
    return table


def _factor_words(line: FactorLine) -> str:
    if not line.consented:
        return "not shared: as everybody who does not"
    return f"of {line.min_points} to {line.max_points}"


def _list(heading: str, lines: Iterable[str]) -> RenderableType:
    table = Table.grid(padding=(0, 1))
    table.add_column(min_width=_NAME_WIDTH)
    for number, line in enumerate(lines):
        table.add_row(Text("" if number else heading, "dim"), Text("-", "dim"), Text(line))
    return Padding(table, (1, 0, 0, 0))


def _bar(count: int, total: int, width: int, colour: str) -> ProgressBar:
    bar = ProgressBar(total, count, width=width, complete_style=colour, style="grey15")
    bar.finished_style = colour
    return bar


def _decisions(decisions: Mapping[str, Mapping[str, int]]) -> RenderableType:
    table = Table(box=SIMPLE_HEAD, padding=(0, 2))
    for name in ("partner", "decision", "people"):
        table.add_column(name, justify="right" if name == "people" else "left")
    for partner, outcomes in decisions.items():
        for number, (outcome, count) in enumerate(outcomes.items()):
            words = outcome.lower().replace("_", " ")
            table.add_row(partner if not number else "", words, f"{count:,}")
    note = "Each on people who let it see their score, by what they granted. Nobody is refused:"
    return Group(Text(f"{note} whoever is not admitted gets the partner's way on."), table)


def _dead_letters(result: Result) -> RenderableType:
    table = Table(box=SIMPLE_HEAD, padding=(0, 2))
    table.add_column("reason")
    for name in ("sent on purpose", "dead letters", ""):
        table.add_column(name, justify="right")
    for reason in sorted(result.sent.reasons.keys() | result.dead_letters.keys()):
        sent, found = result.sent.reasons[reason], result.dead_letters[reason]
        table.add_row(reason, f"{sent:,}", f"{found:,}", _mark(ok=sent == found))
    return Group(
        Text("Bad records sent among the good ones; each kept whole, with its reason."), table
    )


def _checks(result: Result) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    dead = [check for check in result.checks if check.name.startswith("dead letters ")]
    for check in result.checks:
        if check not in dead:
            counts = f"{check.expected:,} and {check.found:,}"
            table.add_row(_mark(ok=check.ok), check.name, Text(counts, justify="right"))
    counts = f"{sum(c.expected for c in dead):,} and {sum(c.found for c in dead):,}"
    name = "bad records sent on purpose, and dead letters, reason by reason"
    table.add_row(_mark(ok=all(c.ok for c in dead)), name, Text(counts, justify="right"))
    return table


def _next(outcome: Outcome) -> RenderableType:
    running = outcome.running
    commands = _grid(justify="left")
    for command, words in _AFTERWARDS if running is None else _meanwhile(outcome):
        commands.add_row(Text(command, "cyan"), Text(words))
    for command, words in _ALWAYS:
        commands.add_row(Text(command, "cyan"), Text(words))
    if running is None:
        return commands
    exports = [Text(f"export {name}={value}") for name, value in running.environment.items()]
    return Group(*exports, Text(), commands, Text(), _urls(running))


def _meanwhile(outcome: Outcome) -> list[tuple[str, str]]:
    people = [each.user_id for each in outcome.portraits]
    return [
        *((f"sesame score {user}", "anybody's score") for user in people[:1]),
        *((f"sesame explain {user}", "how it comes about, step by step") for user in people[1:2]),
        ("sesame dlq list", "the dead letters, with what was wrong"),
        ("sesame simulate --rate 1000 --seed 7", "more people and events, at a steady rate"),
    ]


def _urls(running: Running) -> RenderableType:
    table = _grid(justify="left")
    for name, url in (("worker", running.worker_url), ("gateway", running.gateway_url)):
        table.add_row(name, f"{url}/metrics  {url}/health/ready")
    for partner, url in running.partner_urls.items():
        table.add_row(partner, f"{url}/  {url}/metrics")
    table.add_row("logs", f"{running.logs}")
    return table


def _grid(justify: str = "right") -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right" if justify == "right" else "left", no_wrap=True)
    table.add_column()
    return table


def _count(number: int) -> Text:
    return Text(f"{number:,}", "bold", justify="right")


def _mark(*, ok: bool) -> Text:
    return Text("✓", "green") if ok else Text("✗", "bold red")
