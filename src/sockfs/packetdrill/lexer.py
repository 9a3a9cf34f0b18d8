"""Characters to tokens.

A token has a kind, its text, its place (line and column from 1, offset) and whether white space stood
before it: the notation is loose (`P.`, `1:1(0)`, `0...0.200`), and the parser needs to know what stands
together. Kinds: option, int, hex, float, word, string, backquote, code, ellipsis, op, end. Comments are
`//` and `/* */`. Words that a definition (`-D NAME=VALUE`) names are replaced here by the tokens of the
value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace


class ScriptSyntaxError(Exception):
    """What is wrong with the text, and where."""

    def __init__(self, path: str, line: int, column: int, message: str) -> None:
        super().__init__(f"{path}:{line}:{column}: {message}")
        self.path = path
        self.line = line
        self.column = column
        self.message = message


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    line: int
    column: int
    start: int
    end: int
    spaced: bool  # white space (or a comment) stands before it


# The order matters: `0...0.2` must not begin with a float, `1234abcd` is one word.
_TOKEN = re.compile(
    r"""
    (?P<hex>0[xX][0-9a-fA-F]+(?![A-Za-z0-9_]))
  | (?P<float>\d+\.\d+|\.\d+|\d+\.(?![.\d]))
  | (?P<word>[0-9]*[A-Za-z_][A-Za-z0-9_]*)
  | (?P<int>\d+)
  | (?P<ellipsis>\.\.\.)
  | (?P<op>[-+*~,=()\[\]{}<>:.|])
    """,
    re.VERBOSE,
)
_OPTION = re.compile(r"--([A-Za-z_][A-Za-z0-9_]*)")
_BLANK = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/)+", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "\\": "\\", '"': '"'}


def tokenize(path: str, text: str, defines: dict[str, str] | None = None) -> list[Token]:
    """All tokens of the script; the last is of kind end."""
    tokens: list[Token] = []
    place = _Places(text)
    at = 0
    spaced = True
    while True:
        blank = _BLANK.match(text, at)
        if blank is not None:
            at = blank.end()
            spaced = True
        line, column = place(at)
        if at >= len(text):
            tokens.append(Token("end", "", line, column, at, at, True))
            return tokens
        kind, value, end = _one(path, text, at, line, column, bool(tokens) and tokens[-1].line == line)
        token = Token(kind, value, line, column, at, end, spaced)
        if kind == "word" and defines is not None and value in defines:
            for part in tokenize(path, defines[value]):
                if part.kind != "end":
                    tokens.append(replace(part, line=line, column=column, start=at, end=end))
        else:
            tokens.append(token)
        spaced = False
        at = end


def _one(path: str, text: str, at: int, line: int, column: int, inside: bool) -> tuple[str, str, int]:
    """The token at `at`: kind, value, where it ends."""
    c = text[at]
    if c == '"':
        return _string(path, text, at, line, column)
    if c == "`":
        end = text.find("`", at + 1)
        if end < 0:
            raise ScriptSyntaxError(path, line, column, "back-tick command without an end")
        return "backquote", text[at + 1 : end], end + 1
    if text.startswith("%{", at):
        end = text.find("}%", at)
        if end < 0:
            raise ScriptSyntaxError(path, line, column, "%{ without }%")
        return "code", text[at + 2 : end], end + 2
    if not inside:
        option = _OPTION.match(text, at)
        if option is not None:
            return "option", option.group(1), option.end()
    found = _TOKEN.match(text, at)
    if found is None or found.lastgroup is None:
        raise ScriptSyntaxError(path, line, column, f"character {c!r} has no meaning here")
    return found.lastgroup, found.group(), found.end()


def _string(path: str, text: str, at: int, line: int, column: int) -> tuple[str, str, int]:
    out: list[str] = []
    i = at + 1
    while i < len(text) and text[i] not in '"\n':
        if text[i] == "\\" and i + 1 < len(text):
            if text[i + 1] == "x" and re.match(r"[0-9a-fA-F]{2}", text[i + 2 : i + 4]):
                out.append(chr(int(text[i + 2 : i + 4], 16)))
                i += 4
                continue
            out.append(_ESCAPES.get(text[i + 1], text[i + 1]))
            i += 2
            continue
        out.append(text[i])
        i += 1
    if i >= len(text) or text[i] != '"':
        raise ScriptSyntaxError(path, line, column, "string without an end")
    return "string", "".join(out), i + 1


class _Places:
    """Offset → line and column."""

    def __init__(self, text: str) -> None:
        self.starts = [0] + [m.end() for m in re.finditer("\n", text)]
        self.at = 0

    def __call__(self, offset: int) -> tuple[int, int]:
        while self.at + 1 < len(self.starts) and self.starts[self.at + 1] <= offset:
            self.at += 1
        return self.at + 1, offset - self.starts[self.at] + 1
