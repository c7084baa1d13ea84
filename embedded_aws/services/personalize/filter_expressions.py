"""Filter expressions: their grammar, as far as the guide describes it, and what they keep.

    INCLUDE|EXCLUDE ItemID|ActionID|UserID WHERE condition [AND|OR condition]…
        [IF CurrentUser.FIELD … [AND CurrentUser.FIELD …]…]  [ | … ]

A condition compares `Dataset.FIELD` by IN, NOT IN, =, !=, <, <=, > or >= with strings in double
quotes, numbers, a field of CurrentItem, or `$PLACEHOLDER`.
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

Row = dict[str, Any]
Value = str | float

_TOKEN = re.compile(
    r'\s*(?:"(?P<text>[^"]*)"|(?P<number>-?\d+(?:\.\d+)?)|(?P<word>\$?[A-Za-z_][\w.]*)'
    r"|(?P<sign>!=|<=|>=|[=<>(),|])|(?P<other>\S))"
)
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
# What can be filtered, and by which datasets; names are compared without case and underscores.
_DATASETS = {
    "ITEMID": {"ITEMS": "ITEMS", "INTERACTIONS": "INTERACTIONS"},
    "ACTIONID": {"ACTIONS": "ACTIONS", "ACTIONINTERACTIONS": "ACTION_INTERACTIONS"},
    "USERID": {"USERS": "USERS", "INTERACTIONS": "INTERACTIONS"},
}
_KEYWORDS = ("INCLUDE", "EXCLUDE", "WHERE", "AND", "OR", "NOT", "IN", "IF")


@dataclass(frozen=True)
class Field:
    """A field of a dataset: of the item itself, or of CurrentUser or CurrentItem."""

    dataset: str  # upper case, as the type of a dataset
    name: str
    of: str = ""  # CURRENTUSER, CURRENTITEM, or what is filtered


@dataclass(frozen=True)
class Placeholder:
    """A value that comes with each request."""

    name: str


@dataclass(frozen=True)
class Condition:
    """One comparison."""

    field: Field
    operator: str  # IN, NOT IN, =, …
    values: tuple[Value | Placeholder | Field, ...]


@dataclass(frozen=True)
class Statement:
    """One expression of a chain; any of the `where`, of which each is a list of conditions."""

    includes: bool
    filters: str  # ITEMID, ACTIONID or USERID
    where: tuple[tuple[Condition, ...], ...]
    only_if: tuple[Condition, ...] = ()

    @property
    def conditions(self) -> list[Condition]:
        """All conditions."""
        return [*(c for alternative in self.where for c in alternative), *self.only_if]


@dataclass
class Situation:
    """What a filter knows when it is applied; values by the names of placeholders."""

    rows: Mapping[str, Row]  # metadata, by the ID of what is filtered
    events: Mapping[str, Sequence[Row]]  # the user's interactions, by that ID
    user: Row | None = None
    item: Row | None = None
    values: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)


def parse(text: str, *, any_case: bool = False) -> list[Statement]:
    """Return the expressions of a chain; the ValueError says what is wrong."""
    return _Parser(text, any_case).chain()


def placeholders(conditions: Iterable[Condition]) -> list[str]:
    """Return the names of the placeholders in conditions."""
    return [v.name for c in conditions for v in c.values if isinstance(v, Placeholder)]


def parse_values(given: Mapping[str, str]) -> dict[str, tuple[Value, ...]]:
    """Return the values of a request: strings in double quotes, or numbers, between commas."""
    found = {}
    for name, text in given.items():
        parser = _Parser(text, any_case=False)
        values = [parser.value()]
        while parser.take(","):
            values.append(parser.value())
        parser.end()
        found[name] = tuple(v for v in values if not isinstance(v, Placeholder | Field))
        if len(found[name]) < len(values):
            raise ValueError(f"the value of {name} must be in double quotes, or a number: {text}")
    return found


def keeps(statements: Iterable[Statement], id_: str, situation: Situation) -> bool:
    """Return whether a chain of expressions keeps an item or action."""
    return all(_keeps(statement, id_, situation) for statement in statements)


def _keeps(statement: Statement, id_: str, now: Situation) -> bool:
    if any(name not in now.values for name in placeholders(statement.only_if)):
        return True
    if not all(_holds(c, [now.user or {}], now) for c in statement.only_if):
        return True
    # Of what is excluded, conditions without values are not used.
    where = [
        [c for c in alternative if all(name in now.values for name in placeholders([c]))]
        for alternative in statement.where
    ]
    used = [alternative for alternative in where if alternative]
    if not used:
        return True
    dataset = used[0][0].field.dataset
    rows = now.events.get(id_, []) if dataset.endswith("INTERACTIONS") else [now.rows.get(id_, {})]
    found = any(any(all(_holds(c, [row], now) for c in each) for row in rows) for each in used)
    return found == statement.includes


def _holds(condition: Condition, rows: list[Row], now: Situation) -> bool:
    return any(_compares(condition, row.get(condition.field.name), now) for row in rows)


def _compares(condition: Condition, value: Any, now: Situation) -> bool:
    wanted = [v for given in condition.values for v in _resolved(given, now)]
    if value is None:  # what is not known fulfils no condition
        return False
    if condition.operator in _COMPARISONS:
        compare = _COMPARISONS[condition.operator]
        is_text = isinstance(value, str)
        return any(isinstance(v, str) == is_text and compare(value, v) for v in wanted)
    plain = str(value).lower() if isinstance(value, bool) else str(value)
    texts, found = {str(v) for v in wanted}, set(plain.split("|"))
    if condition.field.name == "EVENT_TYPE":
        texts, found = {v.lower() for v in texts}, {v.lower() for v in found}
        found |= {"*"}
    return bool(found & texts) == (condition.operator == "IN")


def _resolved(value: Value | Placeholder | Field, now: Situation) -> Iterable[Value]:
    if isinstance(value, Placeholder):
        return now.values.get(value.name, ())
    if isinstance(value, Field):
        source = now.item if value.of == "CURRENTITEM" else now.user
        known = (source or {}).get(value.name)
        if known is None:
            return ()
        return known.split("|") if isinstance(known, str) else (known,)
    return (value,)


class _Parser:
    def __init__(self, text: str, any_case: bool) -> None:
        self._tokens: list[tuple[str, str]] = []
        for found in _TOKEN.finditer(text.rstrip()):
            kind, token = next((k, t) for k, t in found.groupdict().items() if t is not None)
            if kind == "word" and any_case and token.upper() in _KEYWORDS:
                token = token.upper()
            self._tokens.append((kind, token))
        self._at = 0

    def chain(self) -> list[Statement]:
        statements = [self._statement()]
        while self.take("|"):
            statements.append(self._statement())
        self.end()
        return statements

    def take(self, *tokens: str) -> str | None:
        """Go on if the next token is one of these words or signs, and return it."""
        kind, token = self._peek()
        if kind in ("word", "sign") and token in tokens:
            self._at += 1
            return token
        return None

    def value(self) -> Value | Placeholder | Field:
        kind, token = self._peek()
        self._at += 1
        if kind == "text":
            return token
        if kind == "number":
            return float(token)
        if kind == "word" and token.startswith("$"):
            return Placeholder(token[1:])
        if kind == "word" and re.fullmatch(r"(?i)Current(User|Item)\.\w+", token):
            return _field(token, "")
        raise ValueError(f"a value is expected, and not {token or 'the end'}")

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise ValueError(f"{self._peek()[1]} is not expected")

    def _statement(self) -> Statement:
        verb = self._need("INCLUDE", "EXCLUDE")
        kind, name = self._peek()
        filters = name.upper()
        if kind != "word" or filters not in _DATASETS:
            raise ValueError(f"ItemID, ActionID or UserID is expected, and not {name or 'the end'}")
        self._at += 1
        self._need("WHERE")
        parts: list[tuple[str, Condition]] = [("AND", self._condition(filters))]
        while joined := self.take("AND", "OR"):
            parts.append((joined, self._condition(filters)))
        if len({condition.field.dataset for _, condition in parts}) > 1:
            raise ValueError("conditions of one expression must be of the same dataset")
        only_if = []
        if self.take("IF"):
            only_if.append(self._condition("CURRENTUSER"))
            while self.take("AND"):
                only_if.append(self._condition("CURRENTUSER"))
        return Statement(verb == "INCLUDE", filters, _alternatives(parts), tuple(only_if))

    def _condition(self, of: str) -> Condition:
        kind, name = self._peek()
        if kind != "word":
            raise ValueError(f"a field is expected, and not {name or 'the end'}")
        self._at += 1
        left = _field(name, of)
        if comparison := self.take(*_COMPARISONS):
            return Condition(left, comparison, (self.value(),))
        negated = self.take("NOT")
        self._need("IN")
        values = []
        if self.take("("):
            values.append(self.value())
            while self.take(","):
                values.append(self.value())
            self._need(")")
        else:
            values.append(self.value())
            if not isinstance(values[0], Field):
                raise ValueError("the values of IN must be in parentheses")
        return Condition(left, "NOT IN" if negated else "IN", tuple(values))

    def _need(self, *tokens: str) -> str:
        if (found := self.take(*tokens)) is None:
            wanted = " or ".join(tokens)
            raise ValueError(f"{wanted} is expected, and not {self._peek()[1] or 'the end'}")
        return found

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")


def _alternatives(parts: list[tuple[str, Condition]]) -> tuple[tuple[Condition, ...], ...]:
    """Return the conditions as alternatives: AND binds closer than OR."""
    numbers, number = [], 0
    for joined, condition in parts:
        number += joined == "OR"
        numbers.append((number, condition))
    grouped = groupby(numbers, key=lambda pair: pair[0])
    return tuple(tuple(condition for _, condition in group) for _, group in grouped)


def _field(name: str, of: str) -> Field:
    source, _, column = name.partition(".")
    plain = source.upper().replace("_", "")
    if plain in ("CURRENTUSER", "CURRENTITEM") and of in ("", plain) and column:
        return Field("USERS" if plain == "CURRENTUSER" else "ITEMS", column, plain)
    dataset = _DATASETS.get(of, {}).get(plain)
    if not dataset or not column:
        known = list(_DATASETS.get(of, {"CurrentUser": ""}))
        raise ValueError(f"a field of {' or '.join(known)} is expected, and not {name}")
    return Field(dataset, column, of)
