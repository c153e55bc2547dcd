#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What `make install` installs and `make uninstall` removes.
# run-tests: once

# shellcheck disable=SC2154
bats_require_minimum_version 1.5.0
load ../lib/packaging

@test "make install: DESTDIR, PREFIX and CNIBINDIR hold, and make uninstall removes that and nothing else" {
	local at=$BATS_TEST_TMPDIR/root before installed
	local where=("DESTDIR=$at" PREFIX=/usr CNIBINDIR=/usr/lib/cni)

	mkdir -p "$at/usr/lib/cni" "$at/etc/cni/net.d" "$at/usr/share/doc/usernet-cni" "$at/usr/bin"
	echo other | tee "$at/usr/lib/cni/bridge" "$at/etc/cni/net.d/10-slirp4netns.conflist" \
		"$at/usr/share/doc/usernet-cni/notes" >"$at/usr/bin/netns-stats-old"
	before=$(names "$at")
	make_here "${where[@]}" install >/dev/null
	installed=$(names "$at")
	for program in $programs; do
		cmp "$DYNAMIC/$program" "$at/usr/lib/cni/$program"
	done
	the_same "$(readlink "$at/usr/bin/cnirun" "$at/usr/bin/netns-stats")" \
		$'/usr/lib/cni/cnirun\n/usr/lib/cni/netns-stats'
	grep -q '^ExecStart=/usr/lib/cni/netns-stats serve' "$at/usr/lib/systemd/system/netns-stats.service"
	the_same "$(ls "$at/usr/share/bash-completion/completions")" $'cnirun\nnetns-stats'
	the_same "$(ls "$at/usr/share/man/man8")" $'cnirun.8\nnetns-portmap.8\nnetns-stats.8\nslirp4netns-cni.8'
	for list in "$ROOT"/conf/*.conflist; do
		cmp "$list" "$at/etc/cni/net.d/${list##*/}.sample"
	done
	# Nothing elsewhere: neither in the defaults of what was set, nor twice.
	the_same "$(sed -nE 's:^\./(usr/local|opt)/.*:&:p' <<<"$installed")" ""
	make_here "${where[@]}" install >/dev/null
	the_same "$(names "$at")" "$installed"
	make_here "${where[@]}" uninstall >/dev/null
	the_same "$(names "$at")" "$before"
	make_here "${where[@]}" uninstall >/dev/null
}

@test "without variables plugins are in /opt/cni/bin, the rest in /usr/local" {
	local at=$BATS_TEST_TMPDIR/root

	make_here "DESTDIR=$at" install >/dev/null
	for program in $programs; do [ -x "$at/opt/cni/bin/$program" ]; done
	the_same "$(cd "$at" && find . -mindepth 1 -maxdepth 2 | sort | xargs)" \
		"./etc ./etc/cni ./opt ./opt/cni ./usr ./usr/local"
	the_same "$(readlink "$at/usr/local/bin/cnirun")" /opt/cni/bin/cnirun
	make_here "DESTDIR=$at" uninstall >/dev/null
	the_same "$(names "$at")" ""
}

@test "a list that the administrator changed is kept by install and by uninstall, ours lies beside" {
	local at=$BATS_TEST_TMPDIR/root said
	local list=$at/etc/cni/net.d/40-all.conflist.sample

	make_here "DESTDIR=$at" install >/dev/null
	echo changed >"$list"
	said=$(make_here "DESTDIR=$at" install)
	[[ $said == *"$list differs from ours and is kept; ours is $list.new"* ]]
	the_same "$(<"$list")" changed
	cmp "$ROOT/conf/40-all.conflist" "$list.new"
	said=$(make_here "DESTDIR=$at" uninstall)
	[[ $said == *"$list differs from ours and is kept"* ]]
	the_same "$(names "$at")" ./etc/cni/net.d/40-all.conflist.sample
}

@test "a --version that nobody gets is a failure" {
	for program in $programs; do
		run "$DYNAMIC/$program" --version
		[ "$status" = 0 ]
		run bash -c '"$0" --version >/dev/full' "$DYNAMIC/$program"
		[ "$status" = 1 ]
	done
}
