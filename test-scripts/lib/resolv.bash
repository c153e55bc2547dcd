# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# For the tests of names: hosts whose /etc/resolv.conf is elsewhere.
# shellcheck disable=SC2016,SC2034,SC2154

# own_etc: an /etc that can be changed, and room outside /etc and /run: /mnt and /opt.
own_etc() {
	umount "$(resolv_conf)"
	mkdir -p /run/t/etc /run/t/work
	mount -t overlay -o lowerdir=/etc,upperdir=/run/t/etc,workdir=/run/t/work overlay /etc
	mount -t tmpfs -o mode=755 tmpfs /mnt
	mount -t tmpfs -o mode=755 tmpfs /opt
	rm -f /etc/resolv.conf
}

# name_servers FILE [ADDRESS...]: a resolv.conf, renamed into its place as everybody does.
name_servers() {
	mkdir -p "${1%/*}"
	printf '# generated\nsearch example\n' >"$1.new"
	[ $# -lt 2 ] || printf 'nameserver %s\n' "${@:2}" >>"$1.new"
	mv "$1.new" "$1"
}

# shape NAME: makes a path to the file, and prints it.
shape() {
	local file

	rm -rf /etc/resolv.conf /etc/static
	find /mnt /opt -mindepth 1 -delete
	case $1 in
	wsl) file=/mnt/wsl/resolv.conf && ln -s $file /etc/resolv.conf ;;
	nixos) # by way of the store, to a file of the store
		file=/opt/nix/store/0f1-etc/etc/resolv.conf
		ln -s /opt/nix/store/0f1-etc/etc /etc/static
		ln -s static/resolv.conf /etc/resolv.conf
		;;
	nixos-resolved) # by way of the store, to /run
		file=/run/systemd/resolve/stub-resolv.conf
		mkdir -p /opt/nix/store/0f1-etc/etc
		ln -s /opt/nix/store/0f1-etc/etc /etc/static
		ln -s $file /opt/nix/store/0f1-etc/etc/resolv.conf
		ln -s /etc/static/resolv.conf /etc/resolv.conf
		;;
	relative) file=/mnt/a/b/other.name && ln -s ../mnt/./a/x/../b/other.name /etc/resolv.conf && mkdir -p /mnt/a/x ;;
	hops) # four links, through each other's directories
		file=/mnt/end/resolv.conf
		mkdir -p /mnt/one /opt/two
		ln -s /mnt/one/link /etc/resolv.conf
		ln -s ../../opt/two/link /mnt/one/link
		ln -s /etc/hop /opt/two/link
		ln -sfn /mnt/end/../end/resolv.conf /etc/hop
		;;
	run-by-another-name) # as /var/run, which is a link to /run
		file=/run/resolvconf/resolv.conf
		ln -s /run /opt/run
		ln -s /opt/run/resolvconf/resolv.conf /etc/resolv.conf
		;;
	tmp) # where the sandbox makes its root
		mount -t tmpfs tmpfs /tmp
		file=/tmp/resolv.conf && ln -s $file /etc/resolv.conf
		;;
	esac
	echo "$file"
}

# asked [SERVER]: the response of the daemon's DNS server for a name.
asked() {
	in_container python3 - "${1-10.0.2.3}" <<-'EOF'
		import socket, sys
		sock = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
		sock.settimeout(3)
		sock.connect((sys.argv[1], 53))
		sock.send(b"\1\2\1\0\0\1\0\0\0\0\0\0\3www\7example\0\0\1\0\1")
		print(socket.inet_ntoa(sock.recv(512)[-4:]))
	EOF
}

is_answered() { [ "$(asked "$@" 2>&1)" = 203.0.113.7 ]; }
