# SPDX-License-Identifier: GPL-2.0-or-later
"""The tests that a mutant is tried with, and the copies of the tree that they run in."""

import dataclasses
import filecmp
import glob
import os
import re
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
WORK = os.path.join(ROOT, "build", "mutants")

# About packages, images, runtimes and the benchmark, which bring executables of their own or change the machine.
ELSEWHERE = ("runtimes-podman", "runtimes-containerd", "packaging", "packaging-deb", "packaging-static",
             "install-node", "install-image", "bench")
# The campaign of faults, a sample for each subject: what handles errors that no test can bring about otherwise.
FAULTS = ("slirp4netns:*", "netns-portmap/slirp4netns:*", "netns-portmap/nftables:*", "netns-stats:*", "cnirun:*")
PATIENCE = 15  # seconds that a test may take more than five times what it took unchanged
ALONE = "test-scripts/integration/alone.bats"
SANITIZED = ["SANITIZE=1", "OPT=-O1 -g0 -fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=all "
             "-fno-omit-frame-pointer"]


@dataclasses.dataclass(frozen=True)
class Test:
    suite: str  # "test_state", "portmap.bats" or "faults"
    name: str = ""  # of one test of a bats file; a pattern of faults

    def __str__(self):
        return f"{self.suite}: {self.name}" if self.name else self.suite

    @property
    def is_unit(self):
        return self.suite.startswith("test_")

    @property
    def source(self):
        if self.suite == "faults":
            return "test-scripts/campaigns/faults/subjects.c"
        return f"test-scripts/unit/{self.suite}.c" if self.is_unit else f"test-scripts/integration/{self.suite}"

    def command(self, sanitized=False):
        build = "build/sanitize" if sanitized else "build"
        if self.is_unit:
            return [f"{build}/unit/{self.suite}"]
        if self.suite == "faults":
            return ["build/faults/faults", "--only", self.name, "--sample", "60", "--seed", "1"]
        binaries = "bin" if build == "build" else f"{build}/bin"
        return ["env", f"BIN={{tree}}/{binaries}", "bats", "--tap", ALONE]

    def alone(self, text):
        """A bats file without its other tests, which takes bats a second less."""
        def keep(match):
            return match.group(0) if match.group(1)[1:-1] in (self.name, escape(self.name)) else ""

        return re.sub(r"^@test (.*?) \{\n.*?^\}\n", keep, text, flags=re.M | re.S)

    def story(self):
        """What the test is about: its name, its code and the functions of its file that it calls."""
        if self.is_unit or self.suite == "faults":
            return ""
        with open(f"{ROOT}/{self.source}") as f:
            text = f.read()
        body = self.alone("".join(re.findall(r"^@test .*? \{\n.*?^\}\n", text, re.M | re.S)))
        called = [code for name, code in re.findall(r"^(\w+)\(\) \{\n(.*?)^\}\n", text, re.M | re.S)
                  if re.search(rf"\b{name}\b", body)]
        return body + "".join(called)

    @staticmethod
    def parse(text):
        return Test(*text.split(": ", 1))


def words(text):
    """The words of code or prose, cut to six letters, each once."""
    return {word[:6] for word in re.findall(r"[a-z]{3,}", text.lower())}


def escape(name):
    return re.sub(r'(["\\$`])', r"\\\1", name)


def unescape(name):
    return re.sub(r'\\(["\\$`])', r"\1", name)


def all_tests():
    tests = [Test(os.path.basename(p)[:-2]) for p in sorted(glob.glob(f"{ROOT}/test-scripts/unit/test_*.c"))]
    for path in sorted(glob.glob(f"{ROOT}/test-scripts/integration/*.bats")):
        suite = os.path.basename(path)
        if suite[:-5] in ELSEWHERE:
            continue
        with open(path) as f:
            names = re.findall(r'^@test (?:"(.*)"|\'(.*)\') \{$', f.read(), re.M)
        tests += [Test(suite, unescape(double) or single) for double, single in names]
    return tests + [Test("faults", pattern) for pattern in FAULTS]


def copy_file(here, there, keep_time):
    """Where it is another one. Its time is its own beside objects that are copied, too, and else now: what is
    there may have been compiled since."""
    if not os.path.exists(here):
        if os.path.lexists(there):
            os.unlink(there)
        return
    if os.path.exists(there) and filecmp.cmp(here, there, shallow=False) and not keep_time:
        return
    os.makedirs(os.path.dirname(there), exist_ok=True)
    shutil.copy2(here, there, follow_symlinks=False)
    if not keep_time:
        os.utime(there)


def copy_tree(tree, built=True):
    """The sources of the working tree, and what has been built of them, to @tree."""
    listed = subprocess.run(["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, check=True,
                            stdout=subprocess.PIPE).stdout.decode().split("\0")
    for name in filter(None, listed):
        copy_file(f"{ROOT}/{name}", f"{tree}/{name}", keep_time=built)
    os.makedirs(f"{tree}/build", exist_ok=True)
    if built:
        for name in ["bin", *(f"build/{n}" for n in ("common", "plugins", "unit", "faults", "test-scripts/lib"))]:
            shutil.rmtree(f"{tree}/{name}", ignore_errors=True)
            shutil.copytree(f"{ROOT}/{name}", f"{tree}/{name}")
        for path in glob.glob(f"{ROOT}/build/*.debug") + glob.glob(f"{ROOT}/build/*.a"):
            shutil.copy2(path, f"{tree}/build/")
    # Other processes of the test that run in it can still enter it.
    shutil.copy2(f"{ROOT}/build/libcni-client", f"{tree}/build/libcni-client")
    os.utime(f"{tree}/build/libcni-client")


def make(tree, *arguments, check=True):
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "BIN", "BUILD")}
    done = subprocess.run(["make", "-s", "-C", tree, "WARN=-w", *arguments], env=env, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if check and done.returncode != 0:
        raise SystemExit(f"make in {tree} failed:\n{done.stdout.decode(errors='replace')[-3000:]}")
    return done.returncode == 0


def run_test(tree, test, seconds, log, sanitized=False):
    """Whether it passes. What it says goes to the file @log."""
    command = [part.replace("{tree}", tree) for part in test.command(sanitized)]
    env = {k: v for k, v in os.environ.items() if not k.startswith(("CNI_", "MAKE", "BATS_"))}
    env.update(ALONE="1", ASAN_OPTIONS="detect_leaks=1", UBSAN_OPTIONS="print_stacktrace=1")
    if not test.is_unit and test.suite != "faults":
        with open(f"{tree}/{test.source}") as whole, open(f"{tree}/{ALONE}", "w") as alone:
            alone.write(test.alone(whole.read()))
    with open(log, "wb") as out:
        status = subprocess.run([f"{HERE}/sandbox", str(int(seconds)), tree, *command], env=env, stdout=out,
                                stderr=subprocess.STDOUT).returncode
    with open(log, errors="replace") as f:
        said = f.read()
    if test.is_unit and said.count("] Running") != said.count(" test(s) run."):
        return False  # it left in the middle, as if all were well
    if not test.is_unit and test.suite != "faults" and status == 0 and not said.startswith("1..1\n"):
        raise SystemExit(f"not exactly one test is named {test}")
    return status == 0
