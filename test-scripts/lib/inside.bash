#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# inside.bash FUNCTIONS FUNCTION [ARGUMENT...]: run a function of a test in its host.
#
# The host has the addresses 192.0.2.1 and 2001:db8::1, shared mounts as a systemd machine has them,
# an empty /run, and nothing else.
#
# A test calls what it is about by call(), or by a function that is built on it: cni() calls slirp4netns, those of
# the other plugins are in lib/PLUGIN.bash. What the program printed is then in $output, what it said on standard
# error in $words, its exit status in $status. The assertions are fail, is, expect, refused, exits, errs, wait_until.
set -eEu -o pipefail

export INSIDE=1
functions=$1
shift
# shellcheck source=/dev/null
. "$functions"

LIB=/run/lib
CNI=/run/cni/slirp4netns
bats_test_begin() { :; }

# What is known when a test fails.
report() {
	local status=$1

	[ "$status" != 0 ] || return 0
	{
		echo "exit status of the test: $status"
		[ -z "${failed_at-}" ] || echo "failed: $failed_at"
		echo "last output: ${output-}"
		echo "last standard error: ${words-}"
		echo "last exit status: ${status_of_call-}"
		ps -eo pid,ppid,stat,user,args --forest
		find "$STATE" -ls
		head -c 2000 "$STATE"/log/* /run/valgrind/*
	} >&2 2>/dev/null || true
}
trap 'failed_at="$BASH_COMMAND (${FUNCNAME[*]})"' ERR
trap 'report $?' EXIT

# Assertions.

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

# is TEXT EXPECTED
is() {
	[ "$1" = "$2" ] || fail "is '$1', expected '$2'"
}

# expect FILTER [JSON [OPTION OF JQ...]]: the jq filter is true of it (default: the output).
expect() {
	local filter=$1 json=${2-$output}

	shift $(($# < 2 ? $# : 2))
	jq -e "$@" "$filter" <<<"$json" >/dev/null || fail "not so: $filter, of: ${json:0:2000}"
}

# refused COMMAND...: it fails.
refused() {
	! "$@" || fail "should have failed: $*"
}

# wait_until COMMAND...: for at most ten seconds.
wait_until() {
	local i

	for ((i = 0; i < 500; i++)); do
		! "$@" || return 0
		sleep 0.02
	done
	fail "in vain: $*"
}

no_sanitizer_report() {
	[[ ! $1 =~ AddressSanitizer|LeakSanitizer|"runtime error:" ]] || fail "sanitizer: $1"
}

# call COMMAND...: a program or a function.
call() {
	local words_file=$TMPDIR/words.$BASHPID

	status=0
	# By a pipe: a daemon that kept the caller's standard output open would be waited for.
	output=$("$@" 2>"$words_file") || status=$?
	status_of_call=$status
	words=$(<"$words_file")
	rm -f "$words_file"
	# What an ordinary user's coverage cannot be written to, where the build measures it.
	[[ $words != *profiling* ]] || words=$(grep -v -e 'profiling:/' -e 'libgcov profiling error' <<<"$words" || true)
	no_sanitizer_report "$words"
}

# exits STATUS COMMAND...
exits() {
	call "${@:2}"
	[ "$status" = "$1" ] || fail "${*:2} exited with $status, expected $1: $words"
}

# errs CODE PATTERN COMMAND...: with one error of CNI; both are extended regular expressions, PATTERN of message and
# details.
errs() {
	call "${@:3}"
	is_error "${*:3}"
	[[ $examined =~ ^"error "($1)" " ]] || fail "${*:3}: expected code $1 ($2), got $examined"
	[[ $examined =~ $2 ]] || fail "${*:3}: expected /$2/, got $examined"
}

# is_error WHAT: the last call ended with one error object, in $examined.
is_error() {
	[ "$status" = 1 ] || fail "$1 exited with $status, expected an error: $words"
	examine
	[[ $examined == error* ]] || fail "$1 did not print one error object: $output"
}

# examine: what the output is, to $examined: "error CODE MESSAGE<tab>DETAILS", "object", or "none" when it is not
# exactly one JSON object. jq takes 25 ms to start, so one serves all calls.
examine() {
	printf '%s\n' "${output//$'\n'/ }" >&"$to_jq"
	IFS= read -r -t 10 examined <&"$from_jq" || fail "no reply from jq"
}

# shellcheck disable=SC2016
start_jq() {
	coproc JQ {
		exec jq -R -r --unbuffered 'try (fromjson | if type != "object" then "none"
			elif (.cniVersion | type) == "string" and (.code | type) == "number" and
				(.msg | type) == "string" and ((.details // "") | type) == "string"
			then "error \(.code) \([.msg, .details // ""] | @tsv)" else "object" end) catch "none"'
	}
	# A coprocess's own descriptors do not reach subshells.
	exec {from_jq}<&"${JQ[0]}" {to_jq}>&"${JQ[1]}"
}

# The host.

# Where /etc/resolv.conf is mounted over; a symbolic link may lead into the /run that is hidden.
resolv_conf() {
	local file

	file=$(readlink -m /etc/resolv.conf)
	[ -e "$file" ] || install -D /dev/null "$file"
	echo "$file"
}

prepare_host() {
	mount --make-rprivate /
	mount -t tmpfs -o mode=755 tmpfs /run
	mkdir /run/lib /run/cni /run/t /run/netns /run/tun
	cp "$functions" /run/lib/functions
	cp "${0%/*}"/* /run/lib/
	cp "$BIN/slirp4netns" /run/cni/
	chmod -R a+rX /run/lib /run/cni
	echo 'nameserver 192.0.2.1' >/run/t/resolv.host
	echo 'nameserver 10.0.2.3' >/run/t/resolv.container
	mount --bind /run/t/resolv.host "$(resolv_conf)"
	ip link set lo up
	ip addr add 192.0.2.1/32 dev lo
	ip addr add 2001:db8::1/128 dev lo nodad
	mount --make-rshared /
}

# What an ordinary user, 1000, finds: /dev/net/tun as distributions have it, a runtime directory.
prepare_user() {
	mount -t tmpfs tmpfs /run/tun
	mknod -m 666 /run/tun/tun c 10 200
	chmod 666 /run/tun/tun
	mount --bind /run/tun/tun /dev/net/tun
	install -d -m 700 -o 1000 -g 1000 /run/user/1000
}

# give_subordinate_ids LINE: and no others. newuidmap asks for the user's name as well, and a fresh machine has no
# user 1000.
give_subordinate_ids() {
	echo "$1" >/run/t/subid
	mount --bind /run/t/subid /etc/subuid
	mount --bind /run/t/subid /etc/subgid
	getent passwd 1000 >/dev/null || {
		{ cat /etc/passwd && echo user:x:1000:1000::/:/bin/sh; } >/run/t/passwd
		mount --bind /run/t/passwd /etc/passwd
	}
}

# unprivileged COMMAND...: as that user. LeakSanitizer cannot look at a process that has changed its user.
unprivileged() {
	setpriv --reuid=1000 --regid=1000 --clear-groups env \
		"XDG_RUNTIME_DIR=${user_directory-/run/user/1000}" ASAN_OPTIONS=detect_leaks=0 "$@"
}

# as_user FUNCTION [ARGUMENT...]: the function as that user, with the functions that there are now.
as_user() {
	declare -f >"$LIB/functions"
	unprivileged bash "$LIB/inside.bash" "$LIB/functions" "$@"
}

# in_userns [OPTION OF UNSHARE...] FUNCTION [ARGUMENT...]: as root of a user and a mount namespace.
in_userns() {
	local options=()

	while [[ $1 == -* ]]; do
		options+=("$1")
		shift
	done
	unshare --user --map-root-user --mount "${options[@]}" bash "$LIB/inside.bash" "$LIB/functions" "$@"
}

# The same as root of a user and a mount namespace of that user's.
as_user_in_userns() {
	IN_USERNS=1 as_user in_userns "$@"
}

# Peers for the traffic; see services.py.
start_services() {
	python3 "$LIB/services.py" >/run/t/services 2>&1 &
	wait_until grep -q ready /run/t/services
}

# Containers.

# container NAME: a network namespace, and the attachment of eth0 in it.
container() {
	ip netns add "$1"
	attachment "$1" "/run/netns/$1"
	enter=(nsenter "--net=$CNI_NETNS")
}

# container_of_process [OPTION OF UNSHARE...]: a namespace that lives as long as the process $process.
container_of_process() {
	unshare "${@:---net}" sleep 1000 &
	process=$!
	wait_until grep -qx sleep "/proc/$process/comm"
	attachment "p$process" "/proc/$process/ns/net"
	enter=(nsenter --target "$process" --net)
}

attachment() {
	export CNI_CONTAINERID=$1 CNI_NETNS=$2 CNI_IFNAME=eth0
}

in_container() {
	"${enter[@]}" "$@"
}

# fetch ADDRESS [PORT]: what the host's TCP service says: "tcp from PEER".
fetch() {
	# shellcheck disable=SC2016
	in_container timeout 5 bash -c 'exec 3<>"/dev/tcp/$0/$1" && cat <&3' "$1" "${2-8000}"
}

# ask_udp ADDRESS: what the host's UDP service says: "udp from PEER".
ask_udp() {
	# shellcheck disable=SC2016
	in_container timeout 5 bash -c 'exec 3<>"/dev/udp/$0/9000" && echo >&3 && head -n 1 <&3' "$1"
}

# transfer BYTES: there and back over one connection; the number of bytes that came back.
transfer() {
	# shellcheck disable=SC2016
	in_container timeout 20 bash -c \
		'exec 3<>/dev/tcp/192.0.2.1/8001; head -c "$0" /dev/zero >&3 & head -c "$0" <&3 | wc -c' "$1"
}

# resolve NAME: through the container's resolver; addresses, one a line.
resolve() {
	# shellcheck disable=SC2016
	in_container unshare --mount bash -c 'mount --bind /run/t/resolv.container "$1" &&
		timeout 5 getent ahostsv4 "$0" | cut -d" " -f1 | sort -u' "$1" "$(readlink -m /etc/resolv.conf)"
}

# The plugin.

# shellcheck disable=SC2119,SC2120 # its arguments come from the tests
# net [MEMBERS]: a network configuration with these members.
net() {
	echo "{\"cniVersion\":\"${version-1.1.0}\",\"name\":\"net\",\"type\":\"slirp4netns\"${1:+,$1}}"
}

# with_prev CONFIGURATION [RESULT]: as a runtime calls CHECK and DEL.
with_prev() {
	jq -c --argjson prev "${2-$output}" '.prevResult = $prev' <<<"$1"
}

# What valgrind has to say goes to files, shown when a test fails.
if [ "${VALGRIND-}" = 1 ]; then
	plugin=("$(type -P env)" LD_PRELOAD=/run/lib/newer_syscalls.so NEWER_SYSCALLS=/run/lib/newer_syscalls
		"$(type -P valgrind)" -q --vgdb=no --leak-check=full --error-exitcode=99
		--trace-children=no --child-silent-after-fork=yes --log-file=/run/valgrind/%p
		--suppressions=/run/lib/valgrind.supp "$CNI")
else
	plugin=("$CNI")
fi
patience=$([ "${VALGRIND-}" = 1 ] && echo 300 || echo 30)

prepare_valgrind() {
	local source=$LIB/newer_syscalls.c

	install -d -m 1777 /run/valgrind
	gcc -shared -fPIC -o /run/lib/newer_syscalls.so "$source"
	gcc -DPROGRAM -o /run/lib/newer_syscalls "$source"
}

# Changing the user namespace takes from a process the right to look at its own memory.
if [ "$(id -u)" != 0 ] || [ -n "${IN_USERNS-}" ]; then
	export ASAN_OPTIONS=detect_leaks=0
fi

# cni COMMAND [CONFIGURATION | @FILE]: call it. COMMAND "unset": without CNI_COMMAND. Variables:
# $limit for its seconds, $search for its PATH.
cni() {
	# shellcheck disable=SC2119
	local command=$1 conf=${2-$(net)}
	local call=(timeout --kill-after=1 "${limit-$patience}" env "PATH=${search-$PATH}")

	case $command in
	unset) call+=("${plugin[@]}") ;;
	*) call+=("CNI_COMMAND=$command" "${plugin[@]}") ;;
	esac
	case $conf in
	@*) call "${call[@]}" <"${conf#@}" ;;
	*) call "${call[@]}" <<<"$conf" ;;
	esac
	case $status in
	124 | 137) fail "$command did not end in time" ;;
	esac
}

# succeeds COMMAND [CONFIGURATION]
succeeds() {
	cni "$@"
	[ "$status" = 0 ] || fail "$1 exited with $status"
	case $1 in
	ADD | VERSION)
		examine
		[ "$examined" != none ] || fail "$1 did not print one JSON object"
		;;
	*) [ -z "$output" ] || fail "$1 wrote to standard output: $output" ;;
	esac
}

# fails CODE TEXT COMMAND [CONFIGURATION]: with this code, and a message that has the text.
fails() {
	local code=$1 text=$2 message

	cni "${@:3}"
	is_error "$3"
	message=${examined%%$'\t'*}
	[[ $message == "error $code "* ]] || fail "$3: expected code $code ($text), got $examined"
	[[ $message == *"$text"* ]] || fail "$3: expected a message with '$text', got $examined"
	[[ $message != *'\n'* ]] || fail "$3: the message has a newline: $examined"
}

# run_plugin PLUGIN COMMAND [CONTAINER [NETNS]] <CONFIGURATION: as a runtime does; $ifname is the interface, and the
# lines of $under, such as those of strace or setpriv, come before the plugin's.
under=()
run_plugin() {
	local executable=$1 call=("CNI_COMMAND=$2" "CNI_PATH=$BIN:/usr/lib/cni")

	[ $# = 2 ] || call+=("CNI_CONTAINERID=$3" "CNI_NETNS=${4-/run/netns/$3}" "CNI_IFNAME=${ifname-eth0}")
	[[ $executable == */* ]] || executable=$BIN/$executable
	timeout --kill-after=1 30 env "${call[@]}" "${under[@]}" "$executable"
}

# State.

record() {
	echo "$STATE/slirp4netns/net/$CNI_CONTAINERID@$CNI_IFNAME.json"
}

# Member of the record, such as pid.
recorded() {
	jq -r ".$1" "$(record)"
}

edit_record() {
	jq -c "$1" "$(record)" >"$TMPDIR/record"
	cat "$TMPDIR/record" >"$(record)"
}

# Pids of living daemons: a zombie waits for its parent only.
daemons() {
	pgrep --exact --runstates D,R,S,T,t,I slirp4netns || true
}

no_daemon() {
	[ -z "$(daemons)" ]
}

# Files other than the remembered options.
left_files() {
	[ ! -e "$1" ] || find "$1" ! -type d ! -name '.options-????????????????'
}

# Names of the container's interfaces but lo.
interfaces() {
	in_container ip -o link | sed -n '/: lo:/d; s/^[0-9]*: \(.*\): <.*/\1/p'
}

no_interface() {
	[ -z "$(interfaces)" ]
}

# nothing_left [STATE DIRECTORY]: no daemon, no file, and in the container no interface.
nothing_left() {
	local dir=${1-$STATE}

	is "$(daemons)" ""
	is "$(left_files "$dir")" ""
	[ -z "${enter-}" ] || is "$(interfaces)" ""
}

# fake NAME <<SCRIPT: a slirp4netns whose --help is the real one's and that then runs the script with
# $ready, $netns and $ifname set. Prints its path.
fake() {
	mkdir -p "$TMPDIR/fake/$1"
	{
		cat <<-'EOF'
			#!/bin/bash
			[ "$1" != --help ] || exec /usr/bin/slirp4netns --help
			for arg; do
				case $arg in --ready-fd=*) ready=${arg#*=} ;; esac
			done
			netns=${*: -2:1} ifname=${*: -1}
		EOF
		cat
	} >"$TMPDIR/fake/$1/slirp4netns"
	chmod 755 "$TMPDIR/fake/$1/slirp4netns"
	echo "$TMPDIR/fake/$1/slirp4netns"
}

unset "${!CNI_@}"
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL=C
umask 022
cd /
if [ "$(id -u)" = 0 ] && [ -z "${IN_USERNS-}" ]; then
	unset XDG_RUNTIME_DIR
	STATE=/run/usernet-cni
	export TMPDIR=/run/t
	prepare_host
	[ "${VALGRIND-}" != 1 ] || prepare_valgrind
else
	STATE=$XDG_RUNTIME_DIR/usernet-cni
	export TMPDIR=$XDG_RUNTIME_DIR
fi
start_jq
"$@"
