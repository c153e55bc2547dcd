# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# For the tests of usernet-cni-install, on a host of lib/inside.bash.
#
# Variables are for lib/inside.bash too.
# shellcheck disable=SC2034

# The node's root is /run/node, the image's files are /run/image: plugins that are text, for the
# installer does not run them.
prepare_node() {
	cp "$BIN/usernet-cni-install" /run/install
	mkdir -p /run/node/opt/cni/bin /run/node/etc/cni/net.d /run/node/usr/bin
	install -m 755 /dev/null /run/node/usr/bin/slirp4netns
	CNIBIN=/run/node/opt/cni/bin CNINET=/run/node/etc/cni/net.d
	image v1
}

# image VERSION: that version's files: "old" is only in v1, "new" only in v2, "same" does not change.
image() {
	local name

	rm -rf /run/image
	mkdir -p /run/image/bin /run/image/net.d
	for name in slirp4netns netns-portmap; do
		echo "$name $1" >"/run/image/bin/$name"
	done
	echo same >/run/image/bin/same
	case $1 in
	v1) echo old >/run/image/bin/old ;;
	*) echo new >/run/image/bin/new ;;
	esac
	list 99-usernet "\"version\":\"$1\"," '{"type":"slirp4netns"}' '{"type":"netns-portmap"}'
}

# list NAME MEMBERS PLUGIN...: into the image.
list() {
	local name=$1 members=$2

	shift 2
	(IFS=,; echo "{\"cniVersion\":\"1.0.0\",\"name\":\"usernet\",$members\"plugins\":[$*]}") \
		>"/run/image/net.d/$name.conflist"
}

# Its standard error and its standard output are one text, in $words.
run_installer() {
	exec 2>&1
	timeout --kill-after=1 30 env "USERNET_CNI=${wanted-present}" \
		/run/install --host /run/node --from /run/image "$@"
}

installer() {
	call run_installer "$@"
	words=$output
	no_sanitizer_report "$words"
}

# does ARGUMENT...: with success.
does() {
	installer "$@"
	[ "$status" = 0 ] || fail "$* exited with $status: $words"
}

# refuses TEXT ARGUMENT...: with one line that has the text, and without effect.
refuses() {
	local text=$1 before

	shift
	before=$(look)
	installer "$@"
	[ "$status" = 1 ] || fail "$* exited with $status, expected: $text"
	[[ $words == "usernet-cni-install: "*"$text"* ]] || fail "$* said: $words; expected: $text"
	[ "$(wc -l <<<"$words")" = 1 ] || fail "$* said more than one line: $words"
	is "$(look)" "$before"
}

# The node's files, with content and inode; the (empty) store aside.
look() {
	find /run/node ! -name .usernet-cni -type f -printf '%P %i %m ' -exec md5sum {} \; | sort
	find /run/node ! -name .usernet-cni ! -type f -printf '%P %y %l\n' | sort
}

# What a runtime sees.
names() {
	find /run/node/opt /run/node/etc ! -type d ! -path '*/.usernet-cni/*' -printf '%f\n' | sort | xargs
}

is_version() {
	local name

	for name in slirp4netns netns-portmap; do
		is "$(cat "$CNIBIN/$name")" "$name $1"
	done
	is "$(jq -r .version $CNINET/99-usernet.conflist)" "$1"
	is "$(names)" "$([ "$1" = v1 ] && echo 99-usernet.conflist netns-portmap old same slirp4netns ||
		echo 99-usernet.conflist netns-portmap new same slirp4netns)"
}

is_gone() {
	is "$(find /run/node/opt /run/node/etc -mindepth 3)" ""
}

start() {
	env --default-signal=INT,TERM "USERNET_CNI=${wanted-present}" \
		/run/install --host /run/node --from /run/image >/run/t/out 2>&1 &
	installer=$!
	wait_until said "is in place"
}

said() {
	grep -q "$1" /run/t/out
}

ends_with() {
	local got=0

	wait "$installer" || got=$?
	no_sanitizer_report "$(cat /run/t/out)"
	is "$got" "$1"
}
