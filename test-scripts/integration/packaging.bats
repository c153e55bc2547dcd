#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What is installed, packed and linked statically.
# With the executables of bin/ and of build/static/bin/.
# run-tests: once
# run-tests: image

# Tests of executables are each a process of its own, with the variables of lib/inside.bash.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
bats_require_minimum_version 1.5.0
ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
STATIC=$ROOT/build/static/bin
DYNAMIC=$ROOT/bin
BIN=$STATIC
export ROOT STATIC DYNAMIC
load ../lib/host
load ../lib/cnirun

version=$(make -s --no-print-directory -C "$ROOT" print-VERSION)
programs="cnirun netns-portmap netns-stats slirp4netns"

# make as from a shell, whatever calls the tests.
make_here() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u BIN DEB_BUILD_OPTIONS='nocheck parallel=1' \
		make -C "$ROOT" "$@"
}

# the_same WHAT EXPECTED
the_same() {
	[ "$1" = "$2" ] || {
		diff <(echo "$2") <(echo "$1") >&2
		return 1
	}
}

# names DIRECTORY: of all that is no folder.
names() {
	(cd "$1" && find . ! -type d | sort)
}

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

# Installing.

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

@test "a --version that nobody gets is a failure" {
	for program in $programs; do
		run "$DYNAMIC/$program" --version
		[ "$status" = 0 ]
		run bash -c '"$0" --version >/dev/full' "$DYNAMIC/$program"
		[ "$status" = 1 ]
	done
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

# Static executables.

@test "static executables are: no interpreter, no library, position-independent, hardened" {
	local headers dynamic

	for program in $programs; do
		headers=$(readelf -hlW "$STATIC/$program")
		dynamic=$(readelf -dW "$STATIC/$program")
		[[ $headers != *INTERP* && $dynamic != *NEEDED* ]]
		[[ $headers =~ Type:\ +DYN && $dynamic == *"Flags: NOW PIE"* ]]
		[[ $headers == *GNU_RELRO* && $headers =~ GNU_STACK.*\ RW\ +0x10 ]]
		[[ $dynamic != *TEXTREL* ]]
		nm "$ROOT/build/static/$program.debug" >"$BATS_TEST_TMPDIR/symbols"
		for function in __stack_chk_fail __snprintf_chk; do
			grep -qw "$function" "$BATS_TEST_TMPDIR/symbols"
		done
		# Names of hosts and users would be looked up by libraries of the machine it runs on.
		run ! grep -Ew '__nss_database_get|getaddrinfo_a|getpw(nam|uid)(_r)?|getservby[a-z_]*|gethostby[a-z_]*' \
			"$BATS_TEST_TMPDIR/symbols"
	done
}

@test "static, where there is no C library: they start, and walk a list with real traffic" {
	in_host && return
	prepare_cnirun
	start_services
	mkdir /run/t/empty
	cp "$STATIC"/* /run/t/empty/
	for program in cnirun netns-portmap netns-stats slirp4netns; do
		output=$(chroot /run/t/empty "/$program" --version)
		is "${output%% *}" "$program"
	done
	cp "$STATIC"/* /run/cni/
	cp "$ROOT/conf/40-all.conflist" /run/net.d/
	output=$(/run/cni/cnirun -n usernet -p 8080:80 -- \
		bash -c 'exec 3<>/dev/tcp/192.0.2.1/8000 && cat <&3; ip -br address show eth0')
	[[ $output == "tcp from 192.0.2.1"*10.0.2.100/24* ]] || fail "$output"
	is "$(left_files "$STATE")" ""
	wait_until no_daemon
}

@test "static, as an ordinary user: cnirun and its plugins connect a command" {
	in_host && return
	prepare_cnirun
	prepare_user
	start_services
	flow() {
		prepare_cnirun
		runs -- bash -c 'exec 3<>/dev/tcp/192.0.2.1/8000 && cat <&3'
		is "$output" "tcp from 192.0.2.1"
		no_trace
	}
	as_user flow
}

@test "static netns-stats: serve answers, show has details, top draws" {
	in_host && return
	ip netns add a
	attachment a /run/netns/a
	succeeds ADD
	"$STATIC/netns-stats" show --detail -f json --netns /run/netns/a >/run/t/show
	expect '[.[0].links[].ifname] == ["eth0"] and .[0].detail.protocols.Ip' "$(</run/t/show)"
	"$STATIC/netns-stats" serve --listen 127.0.0.1:9732 2>/run/t/exporter &
	exporter=$!
	wait_until grep -q serving /run/t/exporter
	curl -sS --max-time 10 http://127.0.0.1:9732/metrics >/run/t/metrics
	grep -q "^netns_stats_build_info{version=" /run/t/metrics
	kill "$exporter"
	wait "$exporter"
	mkfifo /run/t/keys
	TERM=xterm timeout 20 script -qfec "$STATIC/netns-stats top --interval 0.2" /run/t/screen \
		</run/t/keys >/dev/null &
	exec 8>/run/t/keys
	wait_until grep -q CONTAINER /run/t/screen
	printf q >&8
	wait "$!"
	succeeds DEL "$(with_prev "$(net)")"
}

@test "static netns-portmap writes the same nftables ruleset as the dynamic one" {
	in_host && return
	# publish DIRECTORY: what the kernel lists of it.
	publish() {
		local conf='{"cniVersion":"1.0.0","name":"net","type":"netns-portmap","backend":"nftables",
			"runtimeConfig":{"portMappings":[
				{"hostPort":8080,"containerPort":80,"protocol":"tcp"},
				{"hostPort":5353,"containerPort":53,"protocol":"udp","hostIP":"192.0.2.1"},
				{"hostPort":9000,"containerPort":9,"protocol":"sctp","hostIP":"2001:db8::1"}]},
			"prevResult":{"cniVersion":"1.0.0","interfaces":[{"name":"eth0","sandbox":"/run/netns/a"}],
				"ips":[{"address":"10.1.0.2/24","interface":0},{"address":"fd01::2/64","interface":0}]}}'
		local call=(env CNI_CONTAINERID=a CNI_NETNS=/run/netns/a CNI_IFNAME=eth0)

		"${call[@]}" CNI_COMMAND=ADD "$1/netns-portmap" <<<"$conf" >/dev/null
		"${call[@]}" CNI_COMMAND=CHECK "$1/netns-portmap" <<<"$conf"
		nft list ruleset
		"${call[@]}" CNI_COMMAND=DEL "$1/netns-portmap" <<<"$conf"
		is "$(nft list ruleset)" ""
	}
	ip netns add a
	publish "$DYNAMIC" >/run/t/dynamic
	publish "$STATIC" >/run/t/static
	[ "$(grep -c 'comment "net/a@eth0"' /run/t/static)" -ge 3 ] || fail "$(cat /run/t/static)"
	diff /run/t/dynamic /run/t/static || fail "they differ"
}

@test "make static without a network, or where apt knows no Debian: what is wrong, and what to do" {
	local build=$ROOT/conf/static/build-libraries said

	printf 'Dir::Etc::SourceList "/dev/null";\nDir::Etc::SourceParts "/dev/null";\n' >"$BATS_TEST_TMPDIR/apt.conf"
	said=$(APT_CONFIG=$BATS_TEST_TMPDIR/apt.conf "$build" "$BATS_TEST_TMPDIR/none" cjson mnl 2>&1) && return 1
	[[ $said == *'apt knows no archive of Debian on this machine; run "apt-get update" as root first' ]]
	said=$(unshare --net "$build" "$BATS_TEST_TMPDIR/cut" cjson mnl 2>&1) && return 1
	[[ $said == *"their packages cannot be fetched: is there a network, and does apt's configuration reach them?"* ]]
	[ ! -e "$BATS_TEST_TMPDIR/cut/libcjson.a" ]
	said=$("$build" "$BATS_TEST_TMPDIR/unknown" gnutls 2>&1) && return 1
	[[ $said == *"how to build gnutls is not known here" ]]
}

@test "make static takes nothing from an archive that nobody has signed, whatever apt's configuration lets pass" {
	local at=$BATS_TEST_TMPDIR said

	mkdir -p "$at"/{lists,cache/archives}/partial "$at/dists/any/main/binary-amd64"
	echo "deb [arch=amd64 trusted=yes] file:$at any main" >"$at/sources.list"
	cat >"$at/apt.conf" <<-END
		Dir::Etc::SourceList "$at/sources.list";
		Dir::Etc::SourceParts "/dev/null";
		Dir::State::lists "$at/lists";
		Dir::Cache "$at/cache";
		APT::Sandbox::User "root";
		Acquire::AllowInsecureRepositories "true";
		APT::Get::AllowUnauthenticated "true";
	END
	cd "$at/dists/any"
	printf 'Package: any\nVersion: 1\nArchitecture: amd64\nFilename: any.deb\nSize: 1\n' >main/binary-amd64/Packages
	printf 'Origin: Debian\nSuite: any\nArchitectures: amd64\nComponents: main\nSHA256:\n %s %s %s\n' \
		"$(sha256sum <main/binary-amd64/Packages | cut -d ' ' -f 1)" "$(stat -c %s main/binary-amd64/Packages)" \
		main/binary-amd64/Packages >Release
	export APT_CONFIG=$at/apt.conf
	apt-get -qq update
	said=$("$ROOT/conf/static/build-libraries" "$at/static" cjson 2>&1) && return 1
	[[ $said == *"E: The repository 'file:$at any Release' is not signed."* ]]
}
