#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What `make static` links, where nothing is installed.
# run-tests: once
# run-tests: image

# Tests of executables are each a process of its own, with the variables of lib/inside.bash.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
bats_require_minimum_version 1.5.0
load ../lib/packaging
BIN=$STATIC
load ../lib/host
load ../lib/cnirun

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
