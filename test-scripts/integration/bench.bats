#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Its figures are of the executables that people run.
# run-tests: once
# The benchmark runs, and its report is what it says. No time is checked: a test must not fail on a busy machine.

root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
bench=$root/build/bench/bench
BIN=${BIN-$root/bin}

setup() {
	cd "$root" || return
}

@test "the benchmark measures every subject, with medians in their quartiles and goals judged by their limits" {
	"$bench" --quick --bin "$BIN" --before "$BIN" --json "$BATS_TEST_TMPDIR/report.json" \
		--plot "$BATS_TEST_TMPDIR/plot.svg" >"$BATS_TEST_TMPDIR/text"
	jq -e '.subjects | map(.name) == ["slirp4netns", "portmap", "stats", "cnirun", "start", "breakdown", "attachments", "before"]' \
		"$BATS_TEST_TMPDIR/report.json"
	jq -e '[.subjects[].comparisons[]?.candidates[]] | length > 40 and
		all(.min <= .firstQuartile and .firstQuartile <= .median and .median <= .thirdQuartile and
		    .thirdQuartile <= .max)' "$BATS_TEST_TMPDIR/report.json"
	# A phase of a call may take nothing that can be measured, a whole comparison does not.
	jq -e '[.subjects[].comparisons[]?] | all(any(.candidates[]; .median > 0))' "$BATS_TEST_TMPDIR/report.json"
	jq -e '[.subjects[].goals[]?] | length > 15 and
		all(.reached == (if .atMost then .value <= .atMost else .value >= .atLeast end))' "$BATS_TEST_TMPDIR/report.json"
	jq -e '.machine | .cores > 0 and (.kernel | length > 0) and .versions["containernetworking-plugins"] != "unknown"' \
		"$BATS_TEST_TMPDIR/report.json"
	# The text has what the JSON has.
	while read -r what; do
		grep -qF -- "$what" "$BATS_TEST_TMPDIR/text"
	done < <(jq -r '.subjects[].goals[]?.what' "$BATS_TEST_TMPDIR/report.json")
	# Two panels with a curve for each chain of plugins.
	python3 - "$BATS_TEST_TMPDIR/plot.svg" <<'END'
import sys
import xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
text = " ".join(root.itertext())
assert root.tag.endswith("svg"), root.tag
for word, times in (("ADD", 1), ("DEL", 1), ("reference: bridge", 2), ("ours, user mode", 2)):
    assert text.count(word) >= times, (word, text)
END
}

@test "a subject that fails is named, and the benchmark fails" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	ln -s /bin/false "$BATS_TEST_TMPDIR/bin/slirp4netns"
	run "$bench" --quick --bin "$BATS_TEST_TMPDIR/bin" slirp4netns
	[ "$status" -eq 1 ]
	[[ $output == *"slirp4netns plugin, ADD failed"* ]]
	[[ $output == *"the subject slirp4netns failed"* ]]
}

@test "a subject that there is not is refused, with those that there are" {
	run "$bench" --quick nonsense
	[ "$status" -eq 1 ]
	[[ $output == *"there is no subject nonsense"* && $output == *"attachments"* ]]
}
