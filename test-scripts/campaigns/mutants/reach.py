# SPDX-License-Identifier: GPL-2.0-or-later
"""Which lines each test reaches, by trace.c, and how long it takes: build/mutants/reach.json.

A test is measured again when code that it reaches, or itself or a helper in its file, has changed; so it is a
matter of ten minutes once, and of seconds after a test has been added.
"""

import collections
import concurrent.futures
import functools
import glob
import hashlib
import json
import math
import os
import queue
import re
import subprocess
import time

import tests

FILE = f"{tests.WORK}/reach.json"
# The code of a test itself is traced too, and does not count.
OURS = re.compile(r"(?:^|/)((?:common|plugins)/.*\.[ch])$")


def digest(text):
    return hashlib.sha256(text).hexdigest()[:16]


def digest_file(path):
    with open(f"{tests.ROOT}/{path}", "rb") as f:
        return digest(f.read())


def sources():
    return [p for folder in ("common", "plugins")
            for p in glob.glob(f"{folder}/**/*.[ch]", root_dir=tests.ROOT, recursive=True)]


def lines_of(executable):
    """For each basic block, by the address that its call returns to, the lines in it."""
    output = subprocess.run(["objdump", "-d", "-l", "--no-show-raw-insn", executable], check=True,
                            stdout=subprocess.PIPE).stdout.decode()
    found = {}
    line = block = None
    calling = False
    for row in output.splitlines():
        instruction = re.match(r" +([0-9a-f]+):\t(.*)", row)
        if instruction is None:
            if row.endswith(">:"):
                block = None
            place = re.match(r"(/\S+\.[ch]):(\d+)", row)
            if place:
                ours = OURS.search(os.path.normpath(place.group(1)))
                line = (ours.group(1), int(place.group(2))) if ours else None
            continue
        if calling:
            block = found.setdefault(int(instruction.group(1), 16), set())
        calling = instruction.group(2).endswith("<__sanitizer_cov_trace_pc>")
        if line is not None and block is not None:
            block.add(line)
    return found


class Tracer:
    """A build whose executables say what is reached."""

    def __init__(self, number):
        self.tree = f"{tests.WORK}/trace-{number}"
        self.traces = f"{self.tree}/traces"
        tests.copy_tree(self.tree, built=False)
        os.makedirs(self.traces, exist_ok=True)
        os.chmod(self.traces, 0o777)
        runtime = f"{self.tree}/trace.o"
        subprocess.run(["gcc", "-O2", "-fPIE", f'-DTRACE_DIR="{self.traces}"', "-c", "-o", runtime,
                        f"{tests.HERE}/trace.c"], check=True)
        link = f"LDFLAGS={runtime} -Wl,--build-id"
        # Version 5 numbers a unit's files from 0, which the objdump of Debian 12 takes for another one.
        tests.make(self.tree, "NOSTRIP=1", "CFLAGS=-O0 -gdwarf-4 -fsanitize-coverage=trace-pc", link, "all",
                   "test-programs")
        tests.make(self.tree, "CFLAGS=-O1", link, "build/faults/faults", "build/faults/failing_alloc.so")
        self.executables = {}
        for path in sorted(glob.glob(f"{self.tree}/bin/*") + glob.glob(f"{self.tree}/build/unit/test_*")):
            if path.endswith(".d"):
                continue
            notes = subprocess.run(["readelf", "-n", path], check=True, stdout=subprocess.PIPE).stdout.decode()
            ident = re.search(r"Build ID: ([0-9a-f]+)", notes).group(1)
            self.executables[ident] = (os.path.getsize(path), lines_of(path))

    def measure(self, test):
        for ident, (size, _) in self.executables.items():
            path = f"{self.traces}/{ident}"
            # Another file, not an emptied one: something of the last test may still have it.
            if os.path.exists(path):
                os.unlink(path)
            with open(path, "wb") as f:
                f.truncate(size)
            os.chmod(path, 0o666)
        begin = time.monotonic()
        passed = tests.run_test(self.tree, test, 300, f"{self.tree}/log")
        seconds = time.monotonic() - begin
        lines = set()
        for ident, (_, blocks) in self.executables.items():
            with open(f"{self.traces}/{ident}", "rb") as f:
                reached = f.read()
            for at, block in blocks.items():
                if reached[at]:
                    lines |= block
        by_file = {}
        for file, line in sorted(lines):
            by_file.setdefault(file, []).append(line)
        return {"seconds": round(seconds, 2), "passed": passed, "lines": by_file}


class Reach:
    def __init__(self, jobs=2, say=print, hold=None):
        self.code = {path: digest_file(path) for path in sources()}
        self.known = {}
        if os.path.exists(FILE):
            with open(FILE) as f:
                self.known = json.load(f)
        self.tests = tests.all_tests()
        self.stamps = {test: self.stamp(test) for test in self.tests}
        missing = [t for t in self.tests if not self.is_known(t)]
        if missing:
            self.measure(missing, jobs, say, hold)
        self.known = {str(t): self.known[str(t)] for t in self.tests}
        self.by_line = {}
        for test in self.tests:
            entry = self.known[str(test)]
            if entry["passed"]:
                for file, lines in entry["lines"].items():
                    for line in lines:
                        self.by_line.setdefault((file, line), []).append(test)

    @staticmethod
    def stamp(test):
        with open(f"{tests.ROOT}/{test.source}") as f:
            text = f.read() if test.is_unit or test.suite == "faults" else test.alone(f.read())
        return digest(text.encode())

    def is_known(self, test):
        """Whether nothing that the test is made of or reaches has changed since it was measured."""
        entry = self.known.get(str(test), {"stamp": ""})
        return entry["stamp"] == self.stamps[test] and all(
            self.code.get(file) == content for file, content in entry["code"].items()
        )

    def measure(self, missing, jobs, say, hold):
        say(f"# measuring what {len(missing)} of {len(self.tests)} tests reach")
        tracers = queue.Queue()
        for number in range(jobs):
            tracers.put(Tracer(number))

        def one(test):
            tracer = tracers.get()
            try:
                if hold:
                    with hold():
                        return test, tracer.measure(test)
                return test, tracer.measure(test)
            finally:
                tracers.put(tracer)

        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            for done, (test, entry) in enumerate(pool.map(one, missing), 1):
                entry["stamp"] = self.stamps[test]
                entry["code"] = {file: self.code[file] for file in entry["lines"]}
                self.known[str(test)] = entry
                if not entry["passed"]:
                    say(f"# fails without any change, and is left out: {test}")
                if done % 20 == 0 or done == len(missing):
                    self.save()
                    say(f"# {done} of {len(missing)} measured")

    def save(self):
        with open(FILE + ".new", "w") as f:
            json.dump(self.known, f)
        os.rename(FILE + ".new", FILE)

    def seconds(self, test):
        return self.known.get(str(test), {}).get("seconds", 60)

    @functools.cached_property
    def stories(self):
        return {test: tests.words(test.story()) for test in self.tests}

    @functools.cached_property
    def weights(self):
        """A word that few tests have says more."""
        count = collections.Counter(word for story in self.stories.values() for word in story)
        return {word: math.log(len(self.tests) / n) for word, n in count.items()}

    def affinity(self, test, code):
        """How much a test seems to be about a piece of code: the words that both have."""
        story = self.stories[test]
        common = sum(self.weights[word] for word in story & tests.words(code))
        return common / math.sqrt(len(story) + 20) / max(self.seconds(test), 0.5) ** 0.3

    def of(self, file, first, last):
        """Tests that reach one of these lines."""
        found = {}
        for line in range(first, last + 1):
            for test in self.by_line.get((file, line), ()):
                found[test] = True
        return list(found)
