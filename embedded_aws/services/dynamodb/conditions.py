"""The syntax of conditions, filters and key conditions, and the reserved words in them.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
"""

import re
from dataclasses import dataclass

from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

_TOKEN = re.compile(r"\s*(<>|<=|>=|[=<>(),.\[\]]|[#:]?\w[\w-]*|\S)")
_COMPARATORS = {"=", "<>", "<", "<=", ">", ">="}
_WORDS = {"AND", "OR", "NOT", "BETWEEN", "IN"}
_FUNCTIONS = {
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
    "size": 1,
}


@dataclass(frozen=True)
class _Token:
    text: str
    start: int
    end: int


class _SyntaxError(ValueError):
    def __init__(self, position: int) -> None:
        super().__init__()
        self.position = position


def syntax_problem(expression: str) -> str | None:
    """Return why DynamoDB refuses the syntax of a condition."""
    reader = _Reader(expression)
    try:
        reader.condition()
        reader.end()
    except _SyntaxError as error:
        return reader.describe(error.position)
    return None


def reserved_word(expression: str) -> str | None:
    """Return the first attribute name of a condition or projection that is a reserved word."""
    tokens = _tokens(expression)
    for position, token in enumerate(tokens):
        following = tokens[position + 1].text if position + 1 < len(tokens) else ""
        is_name = re.match(r"[A-Za-z_]", token.text) and token.text.upper() not in _WORDS
        if is_name and following != "(" and token.text.upper() in _reserved():
            return token.text
    return None


def _reserved() -> list[str]:
    words: list[str] = ReservedKeywords.get_reserved_keywords()
    return words


def _tokens(expression: str) -> list[_Token]:
    found = _TOKEN.finditer(expression)
    return [_Token(each[1], each.start(1), each.end(1)) for each in found]


class _Reader:
    """Reads an expression by its grammar; raises _SyntaxError at the token that does not fit."""

    def __init__(self, expression: str) -> None:
        self.expression = expression
        self.tokens = _tokens(expression)
        self.position = 0

    def describe(self, position: int) -> str:
        """Write the error as DynamoDB does, with the tokens before and after."""
        token = self.tokens[position].text if position < len(self.tokens) else "<EOF>"
        near = self.tokens[max(0, position - 1) : position + 2]
        text = self.expression[near[0].start : near[-1].end] if near else ""
        return f'Syntax error; token: "{token}", near: "{text}"'

    def peek(self) -> str:
        if self.position < len(self.tokens):
            return self.tokens[self.position].text
        return ""

    def take(self, *wanted: str) -> str:
        """Take the next token, which must be one of those wanted, whatever its case."""
        token = self.peek()
        if token.upper() not in wanted:
            raise _SyntaxError(self.position)
        self.position += 1
        return token

    def end(self) -> None:
        if self.position < len(self.tokens):
            raise _SyntaxError(self.position)

    def condition(self) -> None:
        self.term()
        while self.peek().upper() in ("AND", "OR"):
            self.position += 1
            self.term()

    def term(self) -> None:
        while self.peek().upper() == "NOT":
            self.position += 1
        if self.peek() == "(":
            self.parenthesis()
            return
        if self.is_function() and self.peek() != "size":
            self.function()
            return
        self.operand()
        operator = self.take(*_COMPARATORS, "BETWEEN", "IN").upper()
        if operator == "IN":
            self.take("(")
            self.operand()
            while self.peek() == ",":
                self.position += 1
                self.operand()
            self.take(")")
            return
        self.operand()
        if operator == "BETWEEN":
            self.take("AND")
            self.operand()

    def parenthesis(self) -> None:
        """Read `( condition )`, or an operand in parentheses with what it is compared to."""
        begin = self.position
        self.take("(")
        try:
            self.condition()
            self.take(")")
        except _SyntaxError:
            self.position = begin
            self.operand()
            self.take(*_COMPARATORS)
            self.operand()

    def is_function(self) -> bool:
        following = self.tokens[self.position + 1 : self.position + 2]
        return self.peek() in _FUNCTIONS and bool(following) and following[0].text == "("

    def function(self) -> None:
        count = _FUNCTIONS[self.peek()]
        self.position += 1
        self.take("(")
        for number in range(count):
            if number:
                self.take(",")
            self.operand()
        self.take(")")

    def operand(self) -> None:
        if self.peek() == "(":
            self.take("(")
            self.operand()
            self.take(")")
            return
        if self.is_function():
            self.function()
            return
        if self.peek().upper() in _WORDS or not re.match(r"[#:\w]", self.peek()):
            raise _SyntaxError(self.position)
        is_value = self.peek().startswith(":")
        self.position += 1
        while not is_value and self.peek() in (".", "["):
            self.step()

    def step(self) -> None:
        """Read `.name` or `[1]`."""
        is_index = self.take(".", "[") == "["
        if not re.fullmatch(r"\d+" if is_index else r"#?\w[\w-]*", self.peek()):
            raise _SyntaxError(self.position)
        self.position += 1
        if is_index:
            self.take("]")
