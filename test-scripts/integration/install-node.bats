#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What usernet-cni-install promises to a node: whole files, only its own, and nothing half-way.

# Each test is a process of its own, with the variables of lib/inside.bash.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154
load ../lib/host
load ../lib/install

setup_file() {
	start_early lock_has_a_limit
}

teardown_file() {
	end_early
}

@test "plugins and the list are put in place, readable, executable, and said" {
	in_host && return
	prepare_node
	does --once
	is_version v1
	is "$words" "installed /opt/cni/bin/netns-portmap
installed /opt/cni/bin/old
installed /opt/cni/bin/same
installed /opt/cni/bin/slirp4netns
installed /etc/cni/net.d/99-usernet.conflist
usernet-cni $(/run/install --version | cut -d' ' -f3) is in place"
	is "$(stat -c '%a %u' $CNIBIN/slirp4netns $CNINET/99-usernet.conflist)" $'755 0\n644 0'
	does --check
	is "$words" ""
}

@test "a second start changes nothing, an upgrade only what is new; what runs goes on" {
	in_host && return
	prepare_node
	cp "$(type -P sleep)" /run/image/bin/slirp4netns
	does --once
	before=$(look)
	does --once
	is "$(look)" "$before"
	"$CNIBIN/slirp4netns" 1000 &
	running=$!
	same=$(stat -c %i "$CNIBIN/same")
	exec 8<"$CNINET/99-usernet.conflist"
	image v2
	refuses "is missing, or not as in the image" --check
	does --once
	is_version v2
	[[ $words != */same* ]] || fail "replaced what is the same: $words"
	is "$(stat -c %i "$CNIBIN/same")" "$same"
	kill -0 "$running"
	cmp "/proc/$running/exe" "$(type -P sleep)"
	is "$(jq -r .version <&8)" v1
	is "$(find "$CNIBIN/.usernet-cni" "$CNINET/.usernet-cni" -type f -printf '%f ')" \
		"$(find "$CNIBIN/.usernet-cni" "$CNINET/.usernet-cni" -type f -name 'now.*' -links 2 -printf '%f ')"
}

# What is not on the disk (in strace -y's lines) when somebody could come to rely on it, or at the end.
unsynced() {
	python3 - /run/t/strace <<-'END'
		import re, sys
		dirty, changed, created = set(), set(), set()
		for line in open(sys.argv[1]):
		    match = re.match(r"(\w+)\((.*)\) += \d", line)
		    if not match:
		        continue
		    call, rest = match.groups()
		    paths = re.findall(r"<(/[^>]*)>", rest)
		    names = re.findall(r'"([^"]*)"', rest)
		    if call == "openat" and "O_CREAT" in rest:
		        created.add(paths[0])
		    elif call in ("write", "copy_file_range", "sendfile"):
		        dirty.add(paths[1 if call == "copy_file_range" else 0])
		    elif call in ("fsync", "fdatasync"):
		        for what in dirty, changed, created:
		            what.discard(paths[0])
		    elif call in ("linkat", "renameat", "renameat2"):
		        if paths[0] + "/" + names[0] in dirty:
		            print("named before its content was synced:", line)
		        if paths[0] != paths[1] and paths[0] in created:
		            print("put in place before its store was synced:", line)
		        # A list that is on the disk names plugins that are.
		        if paths[0] != paths[1] and any(path not in paths and ".usernet-cni" not in path for path in changed):
		            print("put in place before what was placed elsewhere was synced:", line)
		        changed.update(paths[:2])
		    # What is left over in the store, or of it, is found and removed at the next start.
		    elif call == "unlinkat" and ".usernet-cni" not in rest:
		        changed.add(paths[0])
		for path in sorted(changed) + sorted(path for path in dirty if path.startswith("/run/node")):
		    print("not synced:", path)
	END
}

@test "what is put in place is on the disk before it has its name, and the names when it is done" {
	in_host && return
	prepare_node
	export ASAN_OPTIONS=detect_leaks=0
	local wanted=present

	syncs() {
		strace -qq -y -o /run/t/strace -E "USERNET_CNI=$wanted" \
			-e trace=openat,write,copy_file_range,sendfile,fsync,fdatasync,linkat,renameat,renameat2,unlinkat \
			/run/install --host /run/node --from /run/image --once >/run/t/out 2>&1
		grep -qE "^($1)at" /run/t/strace || fail "nothing happened"
		is "$(unsynced)" ""
	}
	syncs link
	image v2
	syncs 'unlink|rename'
	is_version v2
	wanted=absent
	syncs unlink
	is_gone
}

@test "a file that is not ours stays, whatever it is, and nothing else is changed" {
	in_host && return
	prepare_node
	echo precious >/run/t/precious
	for target in "$CNIBIN/slirp4netns" "$CNIBIN/same" "$CNINET/99-usernet.conflist"; do
		for kind in file link dangling directory fifo same; do
			case $kind in
			file) echo theirs >"$target" ;;
			link) ln -s /run/t/precious "$target" ;;
			dangling) ln -s /run/t/made "$target" ;;
			directory) mkdir "$target" ;;
			fifo) mkfifo "$target" ;;
			same) # by way of a link, which leads elsewhere on the node
				install -m "$([[ $target == *.conflist ]] && echo 644 || echo 755)" \
					"$(find /run/image -name "${target##*/}")" /run/t/same
				ln -s /run/t/same "$target"
				;;
			esac
			refuses "${target#/run/node} is there, and not from this installer; move it away" --once
			rm -r "$target"
			is "$(names)" ""
		done
	done
	is "$(cat /run/t/precious)" precious
	[ ! -e /run/t/made ]
	# One of ours that somebody has replaced is his.
	does --once
	echo theirs >/run/t/theirs
	mv /run/t/theirs "$CNIBIN/old"
	image v2
	does --once
	is "$(cat "$CNIBIN/old")" theirs
	is "$(cat "$CNIBIN/slirp4netns")" "slirp4netns v2"
}

@test "a file that is just the same may stay, and stays after the removal" {
	in_host && return
	prepare_node
	install -m 755 /run/image/bin/same "$CNIBIN/same"
	does --once
	wanted=absent does --once
	is "$(names)" same
}

@test "removal takes what is ours, and its traces; what others have stays" {
	in_host && return
	prepare_node
	echo theirs >"$CNIBIN/bridge"
	echo '{}' >"$CNINET/10-theirs.conflist"
	before=$(look)
	does --once
	[[ $words == *"note: /etc/cni/net.d/10-theirs.conflist comes before 99-usernet.conflist"* ]] ||
		fail "not told that another list comes first: $words"
	wanted=absent refuses "is still there" --check
	wanted=absent does --once
	is "$(look)" "$before"
	[ ! -e "$CNIBIN/.usernet-cni" ]
	[ ! -e "$CNINET/.usernet-cni" ]
	wanted=absent does --check
	wanted=absent does --once
	is "$(look)" "$before"
}

@test "what somebody has put in the place of a file of ours stays when that is removed, and is named" {
	in_host && return
	prepare_node
	does --once
	sed -i s/usernet/mine/ "$CNINET/99-usernet.conflist"
	wanted=absent does --once
	is "$(names)" 99-usernet.conflist
	[[ $words == *"note: /etc/cni/net.d/99-usernet.conflist is not the file that was installed"* ]] ||
		fail "not told that the list stays: $words"
}

@test "plugins stay while a container has a network of theirs" {
	in_host && return
	prepare_node
	does --once
	for plugin in slirp4netns netns-portmap; do
		install -D /dev/null "/run/node/run/usernet-cni/$plugin/net/abc@eth0.json"
		wanted=absent refuses "(1 records in /run/usernet-cni); drain the node first" --once
		rm "/run/node/run/usernet-cni/$plugin/net/abc@eth0.json"
	done
	touch /run/node/run/usernet-cni/slirp4netns/net/.lock /run/node/run/usernet-cni/slirp4netns/.options-1
	wanted=absent does --once
	is_gone
}

@test "a pod that comes while the list is being removed keeps its plugins" {
	in_host && return
	prepare_node
	does --once
	export ASAN_OPTIONS=detect_leaks=0
	strace -o /run/t/strace -e inject=unlinkat:delay_enter=2000000:when=2 -E USERNET_CNI=absent \
		/run/install --host /run/node --from /run/image --once >/run/t/out 2>&1 &
	installer=$!
	wait_until test ! -e "$CNINET/99-usernet.conflist"
	install -D /dev/null /run/node/run/usernet-cni/slirp4netns/net/abc@eth0.json
	ends_with 1
	said "drain the node first"
	is "$(names)" "netns-portmap old same slirp4netns"
	rm /run/node/run/usernet-cni/slirp4netns/net/abc@eth0.json
	wanted=absent does --once
	is_gone
}

@test "a list that the node could not use is not installed, nor a plugin with it" {
	in_host && return
	prepare_node
	list 99-usernet '' '{"type":"bridge"}'
	refuses "needs the plugin bridge, which is not in /opt/cni/bin" --once
	list 99-usernet '' '{"type":"same","ipam":{"type":"host-local"}}'
	refuses "needs the plugin host-local" --once
	list 99-usernet '' '{"type":"../../usr/bin/slirp4netns"}'
	refuses "is not the name of a plugin" --once
	list 99-usernet '' '{"type":7}'
	refuses "99-usernet.conflist: type is 7" --once
	list 99-usernet '' 7
	refuses "a plugin must be an object" --once
	list 99-usernet ''
	refuses "must have a name and at least one plugin" --once
	echo '{"name": "x", "plugins": [' >/run/image/net.d/99-usernet.conflist
	refuses "99-usernet.conflist" --once
	truncate -s 2M /run/image/net.d/99-usernet.conflist
	refuses "more than a megabyte" --once
	echo x >/run/image/net.d/README
	refuses "net.d/README: the name must end in .conflist" --once
	rm /run/image/net.d/README
	list 99-usernet '' '{"type":"bridge"}'
	touch "$CNIBIN/bridge"
	refuses "needs the plugin bridge" --once # not executable
	ln -sf /usr/lib/cni/bridge "$CNIBIN/bridge"
	is "$(names)" bridge
	does --once
}

@test "without the daemon slirp4netns the node gets no list, and is told what to install" {
	in_host && return
	prepare_node
	rm /run/node/usr/bin/slirp4netns
	refuses "install the node's package slirp4netns" --once
	touch /run/node/usr/bin/slirp4netns # not executable
	refuses "install the node's package slirp4netns" --once
	list 99-usernet '' '{"type":"slirp4netns","slirp4netnsPath":"/usr/libexec/slirp4netns"}'
	refuses "slirp4netnsPath /usr/libexec/slirp4netns is not on the node" --once
	# Links are the node's: an absolute one leads to the node's files, not to the container's.
	ln -sf /usr/lib/real /run/node/usr/bin/slirp4netns
	install -D -m 644 /dev/null /run/node/usr/lib/real
	list 99-usernet '' '{"type":"slirp4netns"}'
	refuses "install the node's package slirp4netns" --once
	chmod 755 /run/node/usr/lib/real
	does --once
	# One that leads where nothing is mounted for us cannot be looked at, and must do.
	ln -sf /etc/alternatives/slirp4netns /run/node/usr/bin/slirp4netns
	does --once
	# Where /usr is not mounted, or a list does without, it is not asked for.
	rm -r /run/node/usr
	does --once
	mkdir /run/node/usr
	list 99-usernet '' '{"type":"netns-portmap"}'
	does --once
}

@test "without lists the plugins alone are installed, and a list that is dropped goes" {
	in_host && return
	prepare_node
	does --once
	list 50-more '' '{"type":"same"}'
	does --once
	is "$(names)" "50-more.conflist 99-usernet.conflist netns-portmap old same slirp4netns"
	rm /run/image/net.d/*
	rm /run/node/usr/bin/slirp4netns
	does --once
	is "$(names)" "netns-portmap old same slirp4netns"
}

@test "directories that others could write to, and stores that are not ours, are refused" {
	in_host && return
	prepare_node
	chmod 777 "$CNIBIN"
	refuses "/opt/cni/bin is writable by everybody, so anybody could become root; chmod 755 it" --once
	chmod 755 "$CNIBIN"
	mkdir -m 755 /run/t/elsewhere
	for dir in "$CNIBIN" "$CNINET"; do
		ln -s /run/t/elsewhere "$dir/.usernet-cni"
		refuses "${dir#/run/node}/.usernet-cni is not a directory; remove it" --once
		rm "$dir/.usernet-cni"
		mkdir -m 755 "$dir/.usernet-cni"
		refuses "is not ours alone (user 0, mode 755); remove it" --once
		chmod 700 "$dir/.usernet-cni"
		chown 1000 "$dir/.usernet-cni"
		refuses "is not ours alone (user 1000, mode 700); remove it" --once
		rmdir "$dir/.usernet-cni"
	done
	is "$(ls -A /run/t/elsewhere)" ""
	rmdir "$CNINET"
	refuses "cannot open /run/node/etc/cni/net.d: mount the node's directory there" --once
}

@test "a planted store does not make it touch what is not in its directories" {
	in_host && return
	prepare_node
	does --once
	echo precious >/run/t/precious
	# Links under the store's names, and names that only look like the store's.
	for entry in new.slirp4netns out.slirp4netns now.same now.other new.; do
		ln -sfn /run/t/precious "$CNIBIN/.usernet-cni/$entry"
	done
	mkdir "$CNIBIN/.usernet-cni/more"
	image v2
	# "same" has lost its second name, so it counts as somebody else's; it is as wanted, and stays.
	does --once
	is "$(cat /run/t/precious)" precious
	is "$(cat "$CNIBIN/slirp4netns")" "slirp4netns v2"
	installer --once
	wanted=absent installer --once
	is "$(cat /run/t/precious)" precious
}

@test "a full disk leaves the old version whole, and nothing beside it" {
	in_host && return
	prepare_node
	mount -t tmpfs -o size=256k,mode=755 tmpfs /run/node/opt/cni
	mkdir "$CNIBIN"
	does --once
	image v2
	head -c 100K /dev/urandom >/run/image/bin/netns-portmap
	head -c 300K /dev/urandom >/run/image/bin/slirp4netns
	before=$(look)
	refuses "cannot write /opt/cni/bin/slirp4netns: No space left on device" --once
	is "$(look)" "$before"
	image v2
	does --once
	is_version v2
}

@test "a full disk for the lists leaves the plugins as they were, too" {
	in_host && return
	prepare_node
	mount -t tmpfs -o size=64k,mode=755 tmpfs /run/node/etc/cni
	mkdir "$CNINET"
	does --once
	image v2
	list 99-usernet "\"pad\":\"$(head -c 70000 /dev/zero | tr '\0' x)\"," '{"type":"same"}'
	refuses "cannot write /etc/cni/net.d/99-usernet.conflist: No space left on device" --once
	is_version v1
}

@test "a read-only node is said; a directory of another user names what to do" {
	in_host && return
	prepare_node
	does --once
	image v2
	mount --bind "$CNIBIN" "$CNIBIN"
	mount -o remount,bind,ro "$CNIBIN"
	refuses "cannot write /opt/cni/bin/netns-portmap: Read-only file system" --once
	umount "$CNIBIN"
	is_version v1
	wanted=absent does --once
	chown 1000 "$CNIBIN"
	before=$(look)
	status=0
	words=$(setpriv --bounding-set=-all --inh-caps=-all /run/install --host /run/node --from /run/image --once 2>&1) || status=$?
	is "$status" 1
	[[ $words == *"the directory belongs to user 1000; give it to root, or the container the capability DAC_OVERRIDE"* ]] ||
		fail "$words"
	is "$(look)" "$before"
}

@test "user 0 without a single capability is enough" {
	in_host && return
	prepare_node
	export ASAN_OPTIONS=detect_leaks=0
	setpriv --bounding-set=-all --inh-caps=-all --no-new-privs /run/install --host /run/node --from /run/image --once
	is_version v1
	image v2
	setpriv --bounding-set=-all --inh-caps=-all --no-new-privs /run/install --host /run/node --from /run/image --once
	is_version v2
	USERNET_CNI=absent setpriv --bounding-set=-all --inh-caps=-all --no-new-privs /run/install --host /run/node --from /run/image --once
	is_gone
}

@test "installers of two versions at once: one whole version in the end, none of the other's" {
	in_host && return
	prepare_node
	cp -a /run/image /run/image1
	image v2
	cp -a /run/image /run/image2
	for round in 1 2 3 4 5; do
		pids=()
		for i in 1 2 1 2 1 2; do
			/run/install --host /run/node --from "/run/image$i" --once >/run/t/out.$i 2>&1 &
			pids+=($!)
		done
		for pid in "${pids[@]}"; do wait "$pid" || fail "$(cat /run/t/out.*)"; done
		is_version "$(jq -r .version $CNINET/99-usernet.conflist)"
	done
	# With removals among them; the last word is an installation's.
	for round in 1 2 3 4 5; do
		pids=()
		for state in present absent present absent; do
			USERNET_CNI=$state /run/install --host /run/node --from /run/image1 --once \
				>/run/t/out.$state 2>&1 &
			pids+=($!)
		done
		for pid in "${pids[@]}"; do wait "$pid" || fail "$(cat /run/t/out.*)"; done
	done
	does --once
	is_version v2
}

@test "the store may be removed by another installer before it is opened" {
	in_host && return
	prepare_node
	export ASAN_OPTIONS=detect_leaks=0
	strace -qq -o /run/t/strace -e inject=mkdirat:delay_exit=1000000:when=1 /run/install --host /run/node \
		--from /run/image --once >/run/t/out 2>&1 &
	wait_until test -d "$CNIBIN/.usernet-cni"
	rmdir "$CNIBIN/.usernet-cni"
	wait $! || fail "$(cat /run/t/out)"
	does --once
}

lock_has_a_limit() {
	prepare_node
	does --once
	exec 8<"$CNIBIN/.usernet-cni"
	flock 8
	image v2
	refuses "another installer has held /opt/cni/bin for 10 seconds; is there a second DaemonSet on this node?" --once
	exec 8<&-
	does --once
	is_version v2
}

@test "the wait for another installer has a limit, and its end is an error that says so" {
	started_early lock_has_a_limit
}

@test "it stays, sleeping; SIGTERM ends it and leaves everything in place" {
	in_host && return
	prepare_node
	start
	sleep 1.5 # its own changes are looked at once more
	before=$(grep ctxt_switches "/proc/$installer/status")
	sleep 1.5
	is "$(grep ctxt_switches "/proc/$installer/status")" "$before"
	kill -TERM "$installer"
	ends_with 0
	is_version v1
	wanted=absent
	env --default-signal=TERM USERNET_CNI=absent /run/install --host /run/node --from /run/image >/run/t/out 2>&1 &
	installer=$!
	wait_until said "is removed"
	is_gone
	before=$(grep ctxt_switches "/proc/$installer/status")
	sleep 1.5
	is "$(grep ctxt_switches "/proc/$installer/status")" "$before"
	kill -TERM "$installer"
	ends_with 0
}

@test "what is deleted on the node comes back; another list of the ConfigMap is installed" {
	in_host && return
	prepare_node
	# A ConfigMap's volume: files are links through ..data, which is replaced by a rename.
	mkdir /run/image/net.d/..1 /run/image/net.d/..2
	mv /run/image/net.d/99-usernet.conflist /run/image/net.d/..1/
	sed s/v1/v2/ /run/image/net.d/..1/99-usernet.conflist >/run/image/net.d/..2/99-usernet.conflist
	ln -s ..1 /run/image/net.d/..data
	ln -s ..data/99-usernet.conflist /run/image/net.d/99-usernet.conflist
	start
	is_version v1
	rm "$CNIBIN/slirp4netns" "$CNINET/99-usernet.conflist"
	wait_until test -e "$CNINET/99-usernet.conflist"
	is_version v1
	chmod 600 "$CNIBIN/same"
	wait_until test -x "$CNIBIN/same"
	ln -s ..2 /run/image/net.d/..tmp
	mv -T /run/image/net.d/..tmp /run/image/net.d/..data
	wait_until grep -q v2 "$CNINET/99-usernet.conflist"
	# Replaced by somebody: his, so it ends, and says so.
	echo theirs >/run/t/theirs
	mv /run/t/theirs "$CNIBIN/slirp4netns"
	ends_with 1
	said "/opt/cni/bin/slirp4netns is there, and not from this installer"
	is "$(cat "$CNIBIN/slirp4netns")" theirs
}

@test "a directory that is removed on the node ends it, so that its next start finds the new one" {
	in_host && return
	prepare_node
	# A container has the directory mounted, and keeps the one that it was started with.
	mkdir -p /run/real
	mount --bind /run/real "$CNIBIN"
	start
	rm -rf /run/real
	ends_with 1
	said "the directory /opt/cni/bin has been removed on the node"
}

@test "wrong arguments and states are refused, with the usage" {
	in_host && return
	prepare_node
	for arguments in "--nonsense" "--check --once" "more"; do
		# shellcheck disable=SC2086
		installer $arguments
		is "$status" 2
		[[ $words == *"usage: usernet-cni-install"* ]] || fail "$words"
	done
	wanted=gone installer --once
	is "$status" 2
	is "$words" 'usernet-cni-install: USERNET_CNI is "gone", but must be present or absent'
	is "$(names)" ""
	installer --host /run/nowhere --once
	is "$status" 1
	installer --from /run/nowhere --once
	is "$status" 1
	[[ $words == *"cannot read the directory /run/nowhere/bin: No such file or directory" ]] || fail "$words"
}
