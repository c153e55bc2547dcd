#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What `make dist` and `make deb` pack, and the package installed on a host.
# They share build/: no other suite makes a tarball.
# run-tests: once
# run-tests: image

# Tests of executables are each a process of its own, with the variables of lib/inside.bash.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
bats_require_minimum_version 1.5.0
load ../lib/packaging
BIN=$STATIC
load ../lib/host
load ../lib/cnirun

# the_deb: the package, built by the first test that asks.
the_deb() {
	local deb log=$BATS_FILE_TMPDIR/deb.log

	deb=$ROOT/build/deb/usernet-cni_$version-1_$(dpkg --print-architecture).deb
	[ -e "$log" ] || make_here deb >"$log" 2>&1 3>&- || true
	[ -e "$deb" ] || {
		tail -n 30 "$log" >&2
		return 1
	}
	echo "$deb"
}

# The tarball. That it builds by itself is what the package shows, which is built from it.

@test "make dist: the same bytes from elsewhere, without git, whatever the umask" {
	local first=$BATS_TEST_TMPDIR/first.tar.gz again=$BATS_TEST_TMPDIR/usernet-cni-$version

	make_here dist >/dev/null
	cp "$ROOT/build/usernet-cni-$version.tar.gz" "$first"
	(
		umask 077
		tar -C "$BATS_TEST_TMPDIR" -xzf "$first" --no-same-permissions
		touch "$again/README.md"
		make_here -C "$again" dist >/dev/null
	)
	cmp "$first" "$again/build/usernet-cni-$version.tar.gz"
	# All that git knows, nothing that it does not, one folder, nobody's name.
	the_same "$(tar -tzf "$first" | LC_ALL=C sort)" \
		"$(cd "$ROOT" && git ls-files | xargs ls -d 2>/dev/null | sed "s|^|usernet-cni-$version/|" | LC_ALL=C sort)"
	the_same "$(tar -tvzf "$first" | awk '{ print $2 }' | sort -u)" 0/0
}

# The package.

@test "make deb: built from the tarball, and lintian finds neither error nor warning" {
	local deb

	deb=$(the_deb)
	the_same "$(lintian --tag-display-limit 0 --fail-on none "${deb%.deb}.changes" 2>/dev/null |
		grep -E '^[EW]:' || true)" ""
	cmp "$ROOT/build/deb/usernet-cni_$version.orig.tar.gz" "$ROOT/build/usernet-cni-$version.tar.gz"
	[ -e "$ROOT/build/deb/usernet-cni_$version-1.dsc" ]
}

@test "the package needs slirp4netns, and recommends each library that is loaded when it is used" {
	local deb depends recommends package

	deb=$(the_deb)
	depends=$(dpkg-deb -f "$deb" Depends)
	recommends=", $(dpkg-deb -f "$deb" Recommends),"
	[[ $depends == *"slirp4netns (>= 0.4.0)"* && $depends == *libcjson1* && $depends == *libnftnl11* ]]
	[[ $recommends == *", uidmap,"* ]]
	grep -A 1 -ho 'lazy_load(SONAME_.*' "$ROOT"/plugins/netns-stats/*.c |
		grep -o '"lib[a-z0-9-]*-\?[0-9]\+"' | tr -d '"' | sort -u >"$BATS_TEST_TMPDIR/lazy"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/lazy")" = "$(grep -c SONAME_ "$ROOT/build/sonames.h")" ]
	while read -r package; do
		[[ $recommends == *", $package,"* || ", $depends" == *", $package "* ]] ||
			{ echo "not named: $package"; return 1; }
	done <"$BATS_TEST_TMPDIR/lazy"
}

@test "the installed package works where Debian has plugins, and purging it leaves nothing" {
	[ -n "${INSIDE-}" ] || the_deb >"$BATS_FILE_TMPDIR/deb"
	export DEB_IS=$BATS_FILE_TMPDIR/deb
	in_host && return
	local root=/run/o/root

	# slirp4netns can change its root only where that of the caller is not shared.
	mount --make-rprivate /
	mkdir /run/o
	mount -t tmpfs tmpfs /run/o
	mkdir /run/o/{up,work,root}
	mount -t overlay overlay -o lowerdir=/,upperdir=/run/o/up,workdir=/run/o/work "$root"
	mount --rbind /run "$root/run"
	mount --bind /proc "$root/proc"
	mount --rbind /dev "$root/dev"
	cp "$(<"$DEB_IS")" /run/t/package.deb
	chroot "$root" dpkg --no-triggers --force-unsafe-io -i /run/t/package.deb >/run/t/dpkg 2>&1 ||
		fail "$(cat /run/t/dpkg)"
	chroot "$root" dpkg -L usernet-cni | while read -r file; do
		[ -e "$root$file" ] || [ -L "$root$file" ] || fail "not there: $file"
	done
	chroot "$root" test ! -e /etc/systemd/system/multi-user.target.wants/netns-stats.service ||
		fail "the exporter is enabled"
	start_services
	output=$(chroot "$root" cnirun -- bash -c 'exec 3<>/dev/tcp/192.0.2.1/8000 && cat <&3')
	is "$output" "tcp from 192.0.2.1"
	output=$(chroot "$root" cnirun -n /usr/share/doc/usernet-cni/examples/40-all.conflist -- \
		netns-stats show -f json)
	expect 'length == 1 and .[0].links[0].ifname == "eth0"' || fail "$output"
	chroot "$root" dpkg --no-triggers --force-unsafe-io --purge usernet-cni >/run/t/dpkg 2>&1 ||
		fail "$(cat /run/t/dpkg)"
	# Where the machine itself has the package, overlayfs marks its files as gone by character devices.
	is "$(cd /run/o/up && find . ! -type d ! -type c ! -path './var/lib/dpkg/*' ! -path './var/log/*' \
		! -path './var/cache/*' ! -path './run/*' ! -path './tmp/*')" ""
	is "$(find /run/o/up ! -type c \( -path '*usernet*' -o -name 'netns-stats*' -o -name 'cnirun*' \))" ""
	is "$(daemons)" ""
}

@test "the version is the same everywhere: executables, manual pages, tarball, package" {
	local at=$BATS_TEST_TMPDIR/root

	[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]]
	for program in $programs; do
		the_same "$("$DYNAMIC/$program" --version)" "$program (usernet-cni) $version"
		the_same "$("$STATIC/$program" --version)" "$program (usernet-cni) $version"
	done
	make_here "DESTDIR=$at" install >/dev/null
	for page in "$at"/usr/local/share/man/man8/*; do
		the_same "$(mandoc -T utf8 "$page" | tail -n 1 | grep -o "^usernet-cni $version ")" \
			"usernet-cni $version "
	done
	the_same "$(dpkg-deb -f "$(the_deb)" Version)" "$version-1"
	[ -e "$ROOT/build/usernet-cni-$version.tar.gz" ]
	# And nowhere else.
	the_same "$(cd "$ROOT" && git grep -lF "$version-1" -- Makefile conf || true)" ""
}
