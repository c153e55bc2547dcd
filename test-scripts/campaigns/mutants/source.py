# SPDX-License-Identifier: GPL-2.0-or-later
"""The deliberate changes that can be made to a source, found in its syntax tree by clang.

A mutant is known by its function, its kind, and the statement before and after the change with white space
made one: not by its line, so that it is the same one after a change elsewhere.
"""

import dataclasses
import re
import subprocess

from clang import cindex

K = cindex.CursorKind
FLAGS = subprocess.run(
    ["env", "-u", "MAKEFLAGS", "-u", "MFLAGS", "-u", "MAKELEVEL", "-u", "BUILD", "make", "-s", "print-SOURCE_FLAGS"],
    check=True,
    stdout=subprocess.PIPE,
    text=True,
).stdout.split()
STATEMENT_MAX = 300  # bytes of source that a mutant is shown with

# What a removed call stands for. A whole check, `if (f() < 0) return -1;`, is removed as one.
LOCK = re.compile(r"^(state_lock|call_unlock|flock|lock)$")
PRIVILEGE = re.compile(r"^(prctl|capset|syscall|setgroups|setres[ug]id|setsid|unshare|close_range|umask|"
                       r"child_(reset_signals|die_with|close_others)|drop_\w+|set_no_new_privs|seal\w*)$")
# Of two neighbours of these the order is a promise: what is written down, and what then happens.
ORDERED = re.compile(r"(record|write|remember|forget|remove|rename|linkat|unlink|publish|withdraw|start|stop|kill|"
                     r"signal|commit|build|send|persist|mount|join|enter|lock|sync|release|cancel|undo|purge|"
                     r"^(state|cache|chain|holder|place)_(?!close|free|init|name)|(?<!print)_(add|del)$)")

# A descriptor is never 0: what is called with 0 to 2 closed opens them first. A pid is not, either.
NEVER_ZERO = re.compile(
    rb"(fd|dir|pid|home|gate|log|inotify|signals|ours|theirs|null|fork\(\)|(open(at)?|dup2?|socket)\(.*\)) *$", re.S
)

FLIPS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "&&": "||", "||": "&&"}
RETURNS = {"-1": "0", "0": "-1", "true": "false", "false": "true"}


@dataclasses.dataclass(frozen=True)
class Mutant:
    file: str
    line: int
    function: str
    kind: str
    start: int  # bytes of the file that are replaced
    end: int
    text: bytes
    before: str
    after: str

    def key(self):
        return (self.function, self.kind, self.before, self.after)

    def apply(self, source):
        return source[: self.start] + self.text + source[self.end :]

    def __str__(self):
        return f"{self.file}:{self.line} {self.function}: {self.kind}: `{self.before}` -> `{self.after}`"


def one_line(text):
    return re.sub(r"\s+", " ", text.decode()).strip()


class Finder:
    """Walks one source and collects its mutants."""

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as f:
            self.source = f.read()
        self.function = None
        self.returns = None
        self.ifs = {}  # by the place of the return that is their branch
        self.found = []

    def find(self):
        unit = cindex.Index.create().parse(self.path, FLAGS)
        bad = [d for d in unit.diagnostics if d.severity >= cindex.Diagnostic.Error]
        if bad:
            raise SystemExit(f"clang cannot parse {self.path}: {bad[0]}")
        for node in unit.cursor.get_children():
            here = node.location.file and node.location.file.name == self.path
            if here and node.kind == K.FUNCTION_DECL and node.is_definition():
                self.function = node.spelling
                self.returns = node.result_type.spelling
                for child in node.get_children():
                    if child.kind == K.COMPOUND_STMT:
                        self.walk(child, None)
        return self.found

    # Places.

    @staticmethod
    def span(node):
        return node.extent.start.offset, node.extent.end.offset

    def of(self, node):
        start, end = self.span(node)
        return self.source[start:end]

    def statement(self, node, mark=None):
        """The bytes that a mutant in @node is shown with: the head of the statement it is in."""
        start, end = self.span(node)
        if node.kind in (K.IF_STMT, K.WHILE_STMT):
            parts = list(node.get_children())
            head = parts[0].extent.end.offset
            body = parts[1]
            if body.kind != K.COMPOUND_STMT or end - start <= 120:
                end = min(end, body.extent.end.offset)
            else:
                end = self.source.index(b")", head) + 1
        elif node.kind == K.FOR_STMT:
            end = list(node.get_children())[-1].extent.start.offset
        if end - start > STATEMENT_MAX and mark is not None:
            # Whole lines around the change.
            start = max(start, self.source.rfind(b"\n", 0, mark[0]))
            after = self.source.find(b"\n", mark[1])
            end = min(end, after if after > 0 else end)
        if mark is not None:
            start, end = min(start, mark[0]), max(end, mark[1])
        return start, end

    def add(self, kind, node, start, end, text, within):
        # What a macro has made has no place of its own in the source.
        if end <= start or start < within.extent.start.offset:
            return
        text = text.encode() if isinstance(text, str) else text
        first, last = self.statement(within, (start, end))
        before = one_line(self.source[first:last])
        after = one_line(self.source[first:start] + text + self.source[end:last])
        self.found.append(
            Mutant(self.path, node.location.line, self.function, kind, start, end, text, before, after)
        )

    # The tree.

    def walk(self, node, within):
        if node.kind in STATEMENTS:
            within = node
        if node.kind == K.COMPOUND_STMT:
            self.neighbours([c for c in node.get_children()])
        if node.kind == K.IF_STMT:
            self.condition(node)
        elif node.kind == K.CONDITIONAL_OPERATOR:
            self.choice(node, within)
        elif node.kind == K.BINARY_OPERATOR:
            self.operator(node, within)
        elif node.kind == K.RETURN_STMT:
            self.returned(node, within)
        elif node.kind == K.CALL_EXPR and LOCK.match(node.spelling or "") and "lock" in node.spelling:
            self.lock(node, within)
        children = list(node.get_children())
        for child in children:
            # A branch without braces stands in its if.
            inside = within if node.kind in (K.IF_STMT, K.WHILE_STMT, K.FOR_STMT) else None
            if child.kind in EXPRESSIONS and (node.kind == K.COMPOUND_STMT or self.is_branch(node, child)):
                self.removed(child, inside or child)
                self.walk(child, inside or child)
            elif child.kind == K.RETURN_STMT and self.is_branch(node, child):
                self.walk(child, None)
                continue
            else:
                self.walk(child, within)

    @staticmethod
    def is_branch(node, child):
        if node.kind not in (K.IF_STMT, K.WHILE_STMT, K.FOR_STMT):
            return False
        branches = list(node.get_children())
        return child != branches[0] if node.kind != K.FOR_STMT else child == branches[-1]

    def condition(self, node):
        parts = list(node.get_children())
        cond, start, end = parts[0], *self.span(parts[0])
        text = self.of(cond).decode()
        for branch in parts[1:]:
            last = list(branch.get_children())[-1:] if branch.kind == K.COMPOUND_STMT else [branch]
            if last and last[0].kind == K.RETURN_STMT:
                self.ifs[self.span(last[0])] = node
        if is_error_check(cond, text) and leaves(parts[1]):
            self.add("error ignored", node, start, end, f"(({text}), 0)", node)
            self.add("condition negated", node, start, end, f"!({text})", node)
        else:
            self.add("condition true", node, start, end, f"(({text}), 1)", node)
            self.add("condition false", node, start, end, f"(({text}), 0)", node)
        names = calls(cond)
        if len(parts) == 2 and leaves(parts[1]) and names and any(sort_of(n) for n in names):
            kind = next(sort_of(n) for n in names if sort_of(n))
            start, end = node.extent.start.offset, self.past_semicolon(node)
            self.add(f"{kind} removed", node, start, end, ";", node)

    def choice(self, node, within):
        parts = list(node.get_children())
        start, end = self.span(parts[0])
        text = self.of(parts[0]).decode()
        if within is None or (start, end) == self.span(node):
            return  # a macro's
        self.add("condition true", node, start, end, f"(({text}), 1)", within)
        self.add("condition false", node, start, end, f"(({text}), 0)", within)

    def operator(self, node, within):
        sides = list(node.get_children())
        if len(sides) != 2 or within is None:
            return
        start, end = sides[0].extent.end.offset, sides[1].extent.start.offset
        match = re.fullmatch(rb"[\s)]*(<=|>=|==|!=|&&|\|\||<|>)[\s(]*", self.source[start:end])
        if match is None:
            return
        op = match.group(1).decode()
        # The whole condition of an if is negated elsewhere.
        if op in ("==", "!=") and within.kind == K.IF_STMT and list(within.get_children())[0] == node:
            return
        if op in ("<", ">=") and self.of(sides[1]) == b"0" and NEVER_ZERO.search(self.of(sides[0])):
            return
        kind = "logic" if op in ("&&", "||") else "comparison"
        self.add(kind, node, start + match.start(1), start + match.end(1), FLIPS[op], within)

    def returned(self, node, within):
        values = list(node.get_children())
        if not values or self.of(values[0]).decode() not in RETURNS:
            return
        text = self.of(values[0]).decode()
        if (text in ("true", "false")) != (self.returns in ("bool", "_Bool")) or "*" in self.returns:
            return
        start, end = self.span(values[0])
        self.add("return value", node, start, end, RETURNS[text], self.outer(node))

    def outer(self, node):
        """The if that a return is the branch of, else the return itself."""
        return self.ifs.get(self.span(node), node)

    def lock(self, node, within):
        start, end = self.span(node)
        if node.spelling == "state_lock":
            self.add("lock removed", node, start, end, "({ extern int dup(int); dup(2); })", within)
        elif node.spelling in ("flock", "lock"):
            self.add("lock removed", node, start, end, "0", within)

    def removed(self, node, within):
        names = calls(node)
        assigns = node.kind in (K.BINARY_OPERATOR, K.COMPOUND_ASSIGNMENT_OPERATOR, K.UNARY_OPERATOR)
        kind = next((sort_of(n) for n in names if sort_of(n) in ("lock", "privilege")), None)
        if kind is None:
            kind = "assignment" if assigns else next((sort_of(n) for n in names if sort_of(n)), "call")
        start, end = self.span(node)
        if self.source[end : end + 1] == b";":
            self.add(f"{kind} removed", node, start, end, "(void)0", within)

    def neighbours(self, statements):
        """Two calls in a row of the table of orders, each alone or in a check that leaves."""
        for one, two in zip(statements, statements[1:]):
            if not (self.is_effect(one) and self.is_effect(two)):
                continue
            start, middle = one.extent.start.offset, self.past_semicolon(one)
            second, end = two.extent.start.offset, self.past_semicolon(two)
            between = self.source[middle:second]
            if not start < middle <= second < end:
                continue
            text = self.source[second:end] + between + self.source[start:middle]
            first, last = start, end
            self.found.append(Mutant(self.path, one.location.line, self.function, "order", start, end, text,
                                     one_line(self.source[first:last]), one_line(text)))

    def is_effect(self, node):
        if node.kind == K.CALL_EXPR:
            return bool(ORDERED.search(node.spelling or ""))
        if node.kind == K.IF_STMT:
            parts = list(node.get_children())
            return len(parts) == 2 and leaves(parts[1]) and any(ORDERED.search(n) for n in calls(parts[0]))
        return False

    def past_semicolon(self, node):
        end = node.extent.end.offset
        match = re.match(rb"\s*;", self.source[end:])
        if match:
            return end + match.end()
        return end


STATEMENTS = {K.IF_STMT, K.WHILE_STMT, K.FOR_STMT, K.RETURN_STMT, K.DECL_STMT, K.DO_STMT, K.SWITCH_STMT}
EXPRESSIONS = {K.CALL_EXPR, K.BINARY_OPERATOR, K.COMPOUND_ASSIGNMENT_OPERATOR, K.UNARY_OPERATOR,
               K.CSTYLE_CAST_EXPR}


def calls(node):
    return [n.spelling for n in node.walk_preorder() if n.kind == K.CALL_EXPR and n.spelling]


def sort_of(name):
    if LOCK.match(name):
        return "lock"
    if PRIVILEGE.match(name):
        return "privilege"
    return "effect" if ORDERED.search(name) else None


def is_error_check(cond, text):
    if calls(cond) and re.search(r"(< 0|== NULL|!= 0|!= \w+)$", text):
        return True
    return re.fullmatch(r"!\w+|\w+ (< 0|== NULL)|!\w+->\w+", text) is not None


def leaves(node):
    """Whether a branch does nothing but return or go elsewhere (having said why, maybe)."""
    if node.kind in (K.RETURN_STMT, K.GOTO_STMT, K.CONTINUE_STMT, K.BREAK_STMT):
        return True
    if node.kind == K.COMPOUND_STMT:
        children = list(node.get_children())
        return bool(children) and leaves(children[-1])
    return False


def find(path):
    """Every mutant of one source, each once, in the order of the file."""
    mutants = {}
    for m in Finder(path).find():
        mutants.setdefault((m.start, m.end, m.text), m)
    return sorted(mutants.values(), key=lambda m: (m.start, m.end, m.text))
