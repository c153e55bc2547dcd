#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What the Makefile tells a user and an editor, by itself: nothing is built for this but a few objects.
# run-tests: once

bats_require_minimum_version 1.5.0
ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)

setup() {
	cp -r "$ROOT"/{Makefile,README.md,common,plugins,test-scripts} "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR" || return
}

# make as from a shell, whatever calls the tests.
make_here() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u BIN -u BUILD make "$@"
}

# a_program NAME TEXT: found in PATH before the one with that name.
a_program() {
	printf '#!/bin/sh\n%s\n' "$2" >"$1"
	chmod +x "$1"
}

@test "where headers are missing, the build names Debian's packages of all of them" {
	a_program some "case \"\$*\" in *--exists*libnftnl | *--exists*ncursesw) exit 1 ;; esac; exec pkg-config \"\$@\""
	run make_here PKG_CONFIG="$PWD/some" build/common/utf8.o
	[ "$status" = 2 ]
	[[ $output == *"headers of libraries are missing; on Debian: apt-get install libncurses-dev libnftnl-dev."* ]]
}

@test "the README, make deps and Debian's package name the package of each library's headers, and pkg-config's" {
	local library package readme file

	readme=$(sed -n '/^    apt-get install gcc/,/[^\\]$/p' "$ROOT/README.md")
	for library in $(make_here -s print-LIBRARIES) pkgconf; do
		package=$([[ $library == pkgconf ]] && echo pkgconf || make_here -s "print-PACKAGE_$library")
		for file in <(echo "$readme") "$ROOT/test-scripts/install-dependencies" "$ROOT/conf/debian/control"; do
			grep -qw -e "$package" "$file" || { echo "$file: $package"; return 1; }
		done
	done
}

@test "where pkg-config is missing, the build names its package, and make clean needs none" {
	run make_here PKG_CONFIG=nobody-has-this build/common/utf8.o
	[ "$status" = 2 ]
	[[ $output == *"nobody-has-this is missing; on Debian: apt-get install pkgconf."* ]]
	run make_here PKG_CONFIG=nobody-has-this clean
	[ "$status" = 0 ]
}

@test "a library that is loaded when needed has the name that the build's linker finds" {
	# A release of libmicrohttpd that does not exist yet, and ncurses by a linker script, as in Debian.
	mkdir libs
	gcc -shared -nostdlib -Wl,-soname,libmicrohttpd.so.99 -o libs/libmicrohttpd.so -x c /dev/null
	gcc -shared -nostdlib -Wl,-soname,libncursesw.so.77 -o libs/libncursesw.so.77 -x c /dev/null
	echo 'INPUT(libncursesw.so.77)' >libs/libncursesw.so
	make_here LDFLAGS="-L$PWD/libs -Wl,--no-as-needed -lm" build/sonames.h
	cat build/sonames.h
	grep -x '#define SONAME_MICROHTTPD "libmicrohttpd.so.99"' build/sonames.h
	grep -x '#define SONAME_NCURSESW "libncursesw.so.77"' build/sonames.h
}

@test "a warning breaks the build with WERROR=1 alone" {
	mkdir -p own
	echo 'int f(void); int f(void) { int unused; return 0; }' >own/f.c
	make_here build/own/f.o
	touch own/f.c
	run make_here WERROR=1 build/own/f.o
	[ "$status" = 2 ]
	[[ $output == *"-Werror=unused-variable"* ]]
}

@test "compile_commands.json: each source of common, plugins and the unit tests, by a command that compiles it" {
	local file command

	make_here compile_commands.json
	diff <(jq -r '.[].file' compile_commands.json | grep -E '^(common|plugins|test-scripts/unit)/' | sort -u) \
		<(find common plugins test-scripts/unit -name '*.c' | sort)
	[ "$(jq -r 'map(.directory) | unique[]' compile_commands.json)" = "$PWD" ]
	for file in common/netns.c plugins/netns-stats/http.c test-scripts/campaigns/fuzz/targets/names.c; do
		command=$(jq -r --arg file "$file" 'first(.[] | select(.file == $file)).command' compile_commands.json)
		(eval "${command/ -c / -fsyntax-only -MF own.d }")
	done
	jq length compile_commands.json >before
	make_here CC='env gcc' compile_commands.json
	jq length compile_commands.json | diff before -
}

@test "the version is that of the README's newest entry, and another text of the README compiles nothing again" {

	sed -i '/^## Changes$/a\\n### 7.8.9 (2027-01-31)\n\n- An item whose text goes on\n  in the next line, and is as long as it must be for the changelog to break it.' README.md
	[ "$(make_here -s print-VERSION)" = 7.8.9 ]
	make_here build/common/version.o
	grep -qx '#define USERNET_VERSION "7.8.9"' build/release.h
	echo >>README.md
	[[ $(make_here build/common/version.o) != *CC* ]]
	sed -i 's/^### 7\.8\.9/### 7.8.10/' README.md
	[[ $(make_here build/common/version.o) == *CC* ]]
}

@test "Debian's changelog is made of the README's section, and what it cannot be made of is an error" {
	printf '%s\n' '## Changes' '' '### 2.0 (2027-01-31)' '' '- One item.' '- Another, which goes on' \
		'  in the next line, and then for so long that a line of the changelog has to end in it.' '' \
		'### 1.0 (2026-12-01)' '' '- The first.' '' '## Licence' '' 'Not an item.' >changes
	"$ROOT/conf/debian/changelog-of" changes >changelog
	diff changelog - <<-END
		usernet-cni (2.0-1) unstable; urgency=medium

		  * One item.
		  * Another, which goes on in the next line, and then for so long that a line
		    of the changelog has to end in it.

		 -- usernet-cni maintainers <usernet-cni@packages.debian.org>  Sun, 31 Jan 2027 12:00:00 +0000

		usernet-cni (1.0-1) unstable; urgency=medium

		  * The first.

		 -- usernet-cni maintainers <usernet-cni@packages.debian.org>  Tue, 01 Dec 2026 12:00:00 +0000

	END
	local wrong
	for wrong in '### 3.0' '### 3.0 (soon)' '### 3.0 (2027-02-31)' 'text'; do
		run "$ROOT/conf/debian/changelog-of" <(sed "s/^### 2.0.*/$wrong/" changes)
		[ "$status" = 1 ]
		[[ $output == *changelog-of:* ]]
	done
	run "$ROOT/conf/debian/changelog-of" <(echo '## Changes')
	[ "$status" = 1 ]
}

@test "the change that the README suggests to a newcomer is noticed by the test that it names" {
	local change file name

	change=$(sed -n 's/^    \(sed -i .*\)$/\1/p' "$ROOT/README.md")
	name=$(sed -n 's/^    make check-quick  *# \(test_[a-z_]*\) fails: \([a-z_]*\)$/\1 \2/p' "$ROOT/README.md")

	make_here -s "build/unit/${name% *}"
	"build/unit/${name% *}"
	file=${change##* }
	cp "$file" before
	eval "$change"
	run ! cmp -s "$file" before
	make_here -s "build/unit/${name% *}"
	run env CMOCKA_MESSAGE_OUTPUT=TAP "build/unit/${name% *}"
	[ "$(grep -c '^not ok' <<<"$output")" = 1 ]
	[[ $output == *"not ok "*" - ${name#* }"* ]]
}

@test "idioms: what is not one is found in its line, what is passes, and --fix leaves nothing but those" {
	mkdir own
	cat >own/bad.c <<-'END'
		// SPDX-License-Identifier: GPL-2.0-or-later
		#include <string.h>
		#include <unistd.h>
		struct cni_error;
		int below(struct cni_error *err);
		int any(int n, struct cni_error *err);
		int below(struct cni_error *err)
		{
			(void)!chdir("/");
			return err ? -1 : 0;
		}
		int any(int n, struct cni_error *err)
		{
			if (!strcmp("a", "b") || (n && below(err)))
				return n;
			return any(n, err) && !below(err);
		}
	END
	git init -q
	printf '/*\n!/own\n' >.gitignore
	run test-scripts/idioms
	[ "$status" = 1 ]
	[ "$(cut -d: -f1,2 <<<"$output")" = "$(printf 'own/bad.c:%s\n' 1 10 14 14 16 16)" ]
	cp "$ROOT/.clang-format" .
	test-scripts/idioms --fix
	cat own/bad.c
	grep -qxF "$(printf '\tif (strcmp("a", "b") == 0 || (n && below(err) < 0))')" own/bad.c
	grep -qxF "$(printf '\treturn any(n, err) != 0 && below(err) == 0;')" own/bad.c
	grep -qxF "$(printf '\treturn err != NULL ? -1 : 0;')" own/bad.c
	test-scripts/idioms
}
