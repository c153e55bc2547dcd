# usernet-cni: build, test, bench.
#
#   make            builds bin/
#   make deps       installs, by apt-get and as root, what building, the demo and the tests need
#   make demo       the main job on real namespaces, as root and as an ordinary user
#   make check      lint, unit and integration tests; last line "N passed, N failed";
#                   with SUITES="PATTERN..." those that match
#   make check-quick
#                   what of that takes less than a minute, with what is installed
#   make faults     each system call and allocation fails once, and a kill at each (as root; an hour)
#   make load       many attachments and callers at once, and 10,000 cycles (as root)
#   make mutants    deliberate changes to the code, each of which a test must notice: MUTANTS of them (as root)
#   make fuzz       the fuzzers, FUZZ_SECONDS each (as root); found inputs are in build/fuzz/findings
#   make bench      side by side with the peers, as ratios from one run (as root); SUBJECTS="portmap stats",
#                   BEFORE=DIR beside the executables of another build
#   make static     the same executables, fully static, into build/static/bin
#   make install    plugins into CNIBINDIR, manual pages, completions, units, example lists; DESTDIR, PREFIX;
#                   with STATIC=1 the static executables. A list that was changed is not overwritten
#   make uninstall  removes what install has installed, given the same variables
#   make compile_commands.json     how each C file is compiled, for clangd and its like
#   make dist       build/usernet-cni-VERSION.tar.gz
#   make deb        the Debian package, into build/deb
#   make image      a container image that installs the plugins on a node of Kubernetes, into build/
#
# SANITIZE=1 builds with AddressSanitizer and UBSan into build/sanitize/, FUZZ=1 also with libFuzzer into
# build/fuzz/; NOSTRIP=1 leaves the symbols in; WERROR=1 makes a warning an error, as `make check` does; V=1 shows
# the commands.
SHELL := /bin/bash
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.PHONY: all deps demo check check-quick lint load bench install uninstall clean test-programs bench-programs \
	fuzz fuzzers faults mutants compile_commands.json

# What is installed. The image's container runs one more, which stands among them in plugins/: EXECUTABLES are both.
PLUGINS ?= slirp4netns netns-portmap netns-stats cnirun
EXECUTABLES := $(PLUGINS) install
NAME_install := usernet-cni-install

PREFIX ?= /usr/local
CNIBINDIR ?= /opt/cni/bin
CNICONFDIR ?= /etc/cni/net.d
MANDIR ?= $(PREFIX)/share/man
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions
UNITDIR ?= $(PREFIX)/lib/systemd/system
DOCDIR ?= $(PREFIX)/share/doc/usernet-cni
LISTSUFFIX ?= .sample
# The one place is the newest entry of the README's section "Changes", from which Debian's changelog is made too. The
# other design, a constant in common/version.h, has the version there and in that entry, and a test that they agree.
VERSION := $(shell sed -n '/^\#\# Changes$$/,$$s/^\#\#\# \([0-9][0-9.]*\) ([0-9-]*)$$/\1/p' README.md | head -n 1)
ifeq ($(VERSION),)
$(error README.md has no entry "\#\#\# VERSION (DATE)" in its section "Changes")
endif

Q := $(if $(filter 1,$(V)),,@)
comma := ,

ifeq ($(SANITIZE),1)
BUILD ?= build/sanitize
BIN ?= build/sanitize/bin
OPT := -O1 -g -fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=all \
	-fno-omit-frame-pointer --coverage
LDOPT := -fsanitize=address,undefined --coverage
else ifeq ($(FUZZ),1)
BUILD ?= build/fuzz
OPT := -O1 -g -fsanitize=fuzzer-no-link,address,undefined,float-cast-overflow \
	-fno-sanitize-recover=all -fno-omit-frame-pointer
LDOPT := -fsanitize=address,undefined
FUZZ_DRIVER := -fsanitize=fuzzer
else
ifeq ($(STATIC),1)
BUILD ?= build/static
BIN ?= build/static/bin
else
BUILD ?= build
BIN ?= bin
endif
OPT := -O2 -g -D_FORTIFY_SOURCE=2
LDOPT :=
endif

CC := $(if $(filter 1,$(FUZZ)),clang,gcc)
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wcast-qual -Wwrite-strings -Wformat=2 -Wundef -Wvla -Wimplicit-fallthrough
# A newer compiler has warnings that nobody here has seen yet: these must not break a user's build.
ifeq ($(WERROR),1)
WARN += -Werror
endif
# The same sources are compiled by gcc with all of these; clang has others, of library headers too.
ifeq ($(FUZZ),1)
WARN := -w
endif
CFLAGS ?= $(OPT)
PIE := -pie

# What pkg-config calls the libraries, and the package of Debian that has the headers of each. pkg-config is asked
# by the first recipe that needs to know, and once: `make deps` and `make clean` run where nothing is installed.
PKG_CONFIG ?= pkg-config
PACKAGE_libcjson := libcjson-dev
PACKAGE_libmicrohttpd := libmicrohttpd-dev
PACKAGE_libmnl := libmnl-dev
PACKAGE_libnftnl := libnftnl-dev
PACKAGE_libnl-3.0 := libnl-3-dev
PACKAGE_libnl-genl-3.0 := libnl-genl-3-dev
PACKAGE_ncursesw := libncurses-dev
PACKAGE_nettle := nettle-dev
LIBRARIES := $(patsubst PACKAGE_%,%,$(filter PACKAGE_%,$(.VARIABLES)))

missing = $(strip $(foreach library,$(LIBRARIES),$(shell $(PKG_CONFIG) --exists $(library) || \
	echo $(PACKAGE_$(library)))))
headers = $(if $(shell command -v $(PKG_CONFIG)),,$(error $(PKG_CONFIG) is missing; on Debian: apt-get install \
	pkgconf))$(if $(missing),$(error headers of libraries are missing; on Debian: apt-get install \
	$(sort $(missing))))$(patsubst -I%,-isystem %,$(sort $(shell $(PKG_CONFIG) --cflags-only-I $(LIBRARIES))))
HEADERS = $(eval HEADERS := $(headers))$(HEADERS)
# $(call libs,LIBRARY...): how to link with them.
libs = $(foreach library,$(1),$(or $(libs_$(library)),$(eval libs_$(library) := \
	$(shell $(PKG_CONFIG) --libs $(library)))$(libs_$(library))))

# What a source needs to be understood, by whatever reads it: the compiler, lint, the mutants.
SOURCE_FLAGS = -std=gnu11 -D_GNU_SOURCE -Icommon -I$(BUILD) $(HEADERS)
ALL_CFLAGS = $(SOURCE_FLAGS) $(CPPFLAGS) $(CFLAGS) $(WARN) -fPIE -fstack-protector-strong \
	-fstack-clash-protection -fno-plt -ffunction-sections -fdata-sections -fvisibility=hidden -MMD -MP
ALL_LDFLAGS = $(LDOPT) $(PIE) -Wl,-z,relro,-z,now -Wl,--gc-sections -Wl,--as-needed \
	-Wl,-O1 -Wl,--hash-style=gnu $(LDFLAGS)
# libnftnl, which netns-portmap alone uses, goes into it: finding, mapping and relocating the shared one takes an
# eighth of the time from exec to main. A distribution that wants it shared says NFTNL=-lnftnl. It needs libmnl.
NFTNL ?= -Wl,-Bstatic $(call libs,libnftnl) -Wl,-Bdynamic
LIBS_netns-portmap = $(NFTNL) $(call libs,libmnl)
# What cnirun uses of libnettle, SHA-512 and base64, goes into it for the same reason: 8 KB more than our own had,
# and no time; the shared one adds 0.15 ms to the 1.0 ms of a start. A distribution that wants it shared says
# NETTLE=-lnettle.
NETTLE ?= -Wl,-Bstatic $(call libs,nettle) -Wl,-Bdynamic
# libnl-3 and libnl-genl-3 (common/netlink.c) go into their users, too. A call of VERSION, which is a start and little
# else, takes slirp4netns 695 us so and 763 with the shared ones, netns-stats 715 and 838: medians of 400 calls in
# turns, on a busy machine. They grow by 94 and 98 KB. dlopen() when they are needed (lazy.h) would save nothing: each
# of ours needs them for its work. A distribution that wants them shared says LIBNL='-lnl-genl-3 -lnl-3'.
LIBNL ?= -Wl,-Bstatic $(call libs,libnl-genl-3.0 libnl-3.0) -Wl,-Bdynamic
LIBS = $(call libs,libcjson) $(LIBNL) $(NETTLE)

COMMON_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard common/*.c))
LIB := $(BUILD)/libusernet.a

# What has no static library in its -dev package, or one that needs more than we do, is built once; see the script.
# libnl turns names into addresses by functions for which glibc loads shared libraries of its own very version, also
# into a static executable (nsswitch.conf). Nothing of ours calls them; without them an executable is a fifth
# smaller and cannot come to depend on the machine that it runs on.
ifeq ($(STATIC),1)
PIE := -static-pie
ALL_CFLAGS += -DUSERNET_STATIC
ALL_LDFLAGS += -L$(BUILD)/lib $(addsuffix =abort,$(addprefix -Wl$(comma)--defsym=,getaddrinfo freeaddrinfo getnameinfo \
	getprotobyname getprotobynumber))
STATIC_LIBRARIES := cjson microhttpd $(if $(wildcard $(shell $(CC) -print-file-name=libmnl.a)),,mnl)
STATIC_LIBS := $(STATIC_LIBRARIES:%=$(BUILD)/lib/lib%.a)
LIBS = $(call libs,libcjson libnl-genl-3.0 libnl-3.0 nettle)
LIBS_netns-portmap = $(call libs,libnftnl libmnl)
LIBS_netns-stats = $(call libs,libmicrohttpd ncursesw)

$(STATIC_LIBS) &: conf/static/build-libraries
	@echo '  BUILD $(STATIC_LIBRARIES)'
	$(Q)CC='$(CC)' CFLAGS='$(filter-out $(SOURCE_FLAGS) $(WARN) -MMD -MP,$(ALL_CFLAGS)) -w' $< $(BUILD)/lib \
		$(STATIC_LIBRARIES)
	@touch $(STATIC_LIBS)
endif

name = $(or $(NAME_$(1)),$(1))
BINS := $(PLUGINS:%=$(BIN)/%)
UNIT := $(patsubst test-scripts/unit/%.c,$(BUILD)/unit/%,$(wildcard test-scripts/unit/test_*.c))
BENCH := $(BUILD)/bench/bench
CLIENT := build/libcni-client

all: $(foreach folder,$(EXECUTABLES),$(BIN)/$(call name,$(folder)))

# The names by which netns-stats loads libraries when it needs them (lazy.h) are those that the linker records for
# an executable: that finds what a name leads to, linker scripts (ncurses) and LDFLAGS included, for any release.
# The other design, to read the SONAME of a file that pkg-config's libdir leads to, finds no file of those.
# The first name is taken, so the libraries that LDFLAGS may add, which stand before ours, are left out.
LAZY_LIBRARIES := MICROHTTPD=libmicrohttpd NCURSESW=ncursesw
$(BUILD)/sonames.h: Makefile
	@mkdir -p $(@D)
	@echo '  GEN   sonames.h'
	$(Q)set -o pipefail; for library in $(LAZY_LIBRARIES); do \
		$(CC) $(SOURCE_FLAGS) -shared -nostdlib -o $@.so $(filter-out -l%,$(LDFLAGS)) -Wl,--no-as-needed \
			-x c /dev/null -x none \
			$$($(PKG_CONFIG) --libs $${library#*=}) && LC_ALL=C readelf --dynamic $@.so | \
			sed -n "/NEEDED/{s/.*\[\(.*\)\]/#define SONAME_$${library%=*} \"\1\"/p;q}" || exit; \
	done >$@; rm -f $@.so

# Another text of the README is not another version: the file keeps its time, and nothing is compiled again.
$(BUILD)/release.h: README.md Makefile
	@mkdir -p $(@D)
	$(Q)echo '#define USERNET_VERSION "$(VERSION)"' | cmp -s - $@ || echo '#define USERNET_VERSION "$(VERSION)"' >$@

GENERATED := $(BUILD)/sonames.h $(BUILD)/release.h

$(BUILD)/%.o: %.c Makefile | $(GENERATED)
	@mkdir -p $(@D)
	@echo '  CC    $<'
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(LIB): $(COMMON_OBJ)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

# A folder of plugins/ is an archive of all its sources but main.c, with which the executable, the unit tests
# and the fuzz targets are linked. The executable with debugging information stays in the build folder.
define plugin_rule
$(BUILD)/lib$(1).a: $(patsubst %.c,$(BUILD)/%.o,$(filter-out %/main.c,$(wildcard plugins/$(1)/*.c)))
	@rm -f $$@
	$$(Q)$$(AR) rcs $$@ $$^
$(BUILD)/$(call name,$(1)).debug: $(BUILD)/plugins/$(1)/main.o $(BUILD)/lib$(1).a $(LIB) $(STATIC_LIBS)
	@echo '  LINK  $(call name,$(1))'
	$$(Q)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $$(LIBS_$(1)) $$(LIBS)
$(BIN)/$(call name,$(1)): $(BUILD)/$(call name,$(1)).debug
	@mkdir -p $$(@D)
	$$(Q)$(if $(filter 1,$(SANITIZE) $(NOSTRIP)),cp $$< $$@,strip -o $$@ $$<)
endef
$(foreach folder,$(EXECUTABLES),$(eval $(call plugin_rule,$(folder))))

# The plugin that a test or a fuzz target is about, by the first word of its name; others need the library alone.
PLUGIN_slirp := slirp4netns
PLUGIN_portmap := netns-portmap
PLUGIN_stats := netns-stats
PLUGIN_cnirun := cnirun
PLUGIN_install := install
plugin_of = $(PLUGIN_$(firstword $(subst _, ,$(1))))

# Network, mounts and processes of their own, for whatever is tried in C.
HOST := $(BUILD)/test-scripts/lib/host.o

# A function __wrap_NAME that a test or a fuzz target defines stands in for NAME, and __real_NAME is the one that it
# stands for.
wraps = $$(sed -nE 's/^[^[:space:]].*\b__wrap_(\w+)\(.*/-Wl,--wrap=\1/p' $(1) | sort -u)

define unit_rule
$(BUILD)/unit/test_$(1): test-scripts/unit/test_$(1).c $(patsubst %,$(BUILD)/lib%.a,$(call plugin_of,$(1))) $(HOST) $(LIB) Makefile \
		| $(GENERATED)
	@mkdir -p $$(@D)
	@echo '  TEST  $$<'
	$$(Q)$$(CC) $$(ALL_CFLAGS) -I. $$(ALL_LDFLAGS) $$(call wraps,$$<) \
		-o $$@ $$< $$(filter %.o %.a,$$^) -lcmocka $$(LIBS_$(call plugin_of,$(1))) $$(LIBS)
endef
$(foreach test,$(patsubst $(BUILD)/unit/test_%,%,$(UNIT)),$(eval $(call unit_rule,$(test))))

$(BENCH): $(patsubst %.c,$(BUILD)/%.o,$(wildcard test-scripts/bench/*.c)) $(HOST) $(LIB)
	@mkdir -p $(@D)
	@echo '  LINK  bench'
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(call libs,libmnl) $(LIBS)

# Debian's libcni, as Debian's own packages are built with it: its sources are in a GOPATH, not in modules.
$(CLIENT): $(wildcard test-scripts/integration/libcni/*.go)
	@mkdir -p $(@D)
	@echo '  GO    $<'
	$(Q)GOFLAGS= GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$(abspath build/go-cache) \
		go build -o $@ $^

# A fuzz target is its own file and the archive of the plugin that it is about. With FUZZ=1 libFuzzer drives it,
# otherwise a loop over files.
FUZZERS := $(patsubst test-scripts/campaigns/fuzz/targets/%.c,$(BUILD)/fuzzers/%,$(wildcard test-scripts/campaigns/fuzz/targets/*.c))
FUZZ_PLUGIN_state := slirp4netns
FUZZ_PLUGIN_slirp_api := netns-portmap
fuzz_plugin = $(or $(FUZZ_PLUGIN_$(1)),$(call plugin_of,$(1)))
FUZZ_MAIN := $(patsubst %,$(BUILD)/test-scripts/campaigns/fuzz/%.o,fuzz $(if $(FUZZ_DRIVER),,replay))

define fuzz_rule
$(BUILD)/fuzzers/$(1): $(BUILD)/test-scripts/campaigns/fuzz/targets/$(1).o $(FUZZ_MAIN) \
		$(patsubst %,$(BUILD)/lib%.a,$(call fuzz_plugin,$(1))) $(LIB)
	@mkdir -p $$(@D)
	@echo '  FUZZ  $(1)'
	$$(Q)$$(CC) $$(ALL_LDFLAGS) $$(FUZZ_DRIVER) $$(call wraps,test-scripts/campaigns/fuzz/targets/$(1).c) -o $$@ $$^ \
		$$(LIBS_$(call fuzz_plugin,$(1))) $$(LIBS)
endef
$(foreach target,$(notdir $(FUZZERS)),$(eval $(call fuzz_rule,$(target))))

$(BUILD)/test-scripts/campaigns/fuzz/%.o: ALL_CFLAGS += -I. -Itest-scripts/campaigns/fuzz

fuzzers: $(FUZZERS)

.PHONY: static dist deb
static:
	$(MAKE) STATIC=1 all

.PHONY: image
image: static
	conf/kubernetes/build-image build/static/bin build

FAULTS := $(BUILD)/faults/faults $(BUILD)/faults/failing_alloc.so
FAULTS_SRC := $(addprefix test-scripts/campaigns/faults/,faults.c subjects.c inventory.c tracer.c calls.c)

$(BUILD)/faults/faults: $(FAULTS_SRC) $(wildcard test-scripts/campaigns/faults/*.h) $(HOST) $(LIB)
	@mkdir -p $(@D)
	@echo '  TEST  test-scripts/campaigns/faults'
	$(Q)$(CC) $(filter-out -MMD -MP,$(ALL_CFLAGS)) $(ALL_LDFLAGS) -o $@ $(FAULTS_SRC) $(HOST) $(LIB) $(call libs,libmnl) $(LIBS)

$(BUILD)/faults/failing_alloc.so: test-scripts/campaigns/faults/failing_alloc.c test-scripts/campaigns/faults/failing_alloc.h
	@mkdir -p $(@D)
	@echo '  TEST  $<'
	$(Q)$(CC) $(filter-out -fPIE -MMD -MP,$(ALL_CFLAGS)) -fno-builtin -fPIC -shared -o $@ $<

$(BUILD)/load: test-scripts/campaigns/load/load.c $(HOST) $(LIB)
	@mkdir -p $(@D)
	@echo '  LOAD  $<'
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(HOST) $(LIB) $(LIBS)

test-programs: $(UNIT) $(CLIENT) $(if $(filter 1,$(SANITIZE)),$(FUZZERS))

bench-programs: $(BENCH) $(CLIENT)

deps:
	test-scripts/install-dependencies

demo: deps
	$(MAKE) all
	test-scripts/demo $(abspath $(BIN))

# SUITES="PATTERN...": only the suites that match, and of what takes longer to build only what these need.
SUITES ?=

# As many jobs as there are cores, unless the caller says how many.
JOBS = $(if $(filter -j%,$(MAKEFLAGS)),,-j$$(nproc))

check: deps
	$(MAKE) $(JOBS) WERROR=1 all test-programs bench-programs $(BUILD)/load $(FAULTS)
	needs=$$(test-scripts/run-tests --needs $(SUITES)) && for need in $$needs; do \
		case $$need in \
		sanitized) $(MAKE) $(JOBS) WERROR=1 SANITIZE=1 all test-programs || exit ;; \
		image) $(MAKE) $(JOBS) WERROR=1 image || exit ;; \
		esac; \
	done
	test-scripts/run-tests $(SUITES)

# Under a minute on two idle cores, and with what is installed: each unit test, suites of each plugin, formatting.
check-quick:
	$(MAKE) $(JOBS) all $(UNIT)
	test-scripts/run-tests --quick $(SUITES)

lint: all
	test-scripts/lint

# What nobody wants to wait for at every check: 500 attachments, 32 callers, 10,000 cycles, and for both backends.
load: deps
	$(MAKE) all $(BUILD)/load
	$(BUILD)/load $(abspath $(BIN))
	$(BUILD)/load --list bridge $(abspath $(BIN))

# FUZZ_SECONDS for each target, as many calls of whole plugins as FUZZ_CALLS says, begun at FUZZ_SEED.
FUZZ_SECONDS ?= 60
FUZZ_CALLS ?= 5000
FUZZ_SEED ?=

fuzz: deps
	$(MAKE) FUZZ=1 fuzzers
	$(MAKE) SANITIZE=1 all
	test-scripts/campaigns/fuzz/seeds.py build/fuzz/seeds
	status=0; test-scripts/campaigns/fuzz/run build/fuzz $(FUZZ_SECONDS) || status=1; \
	test-scripts/campaigns/fuzz/calls build/sanitize/bin $(FUZZ_CALLS) $(FUZZ_SEED) || status=1; exit $$status

# Every fault at every point: some 90,000, of which a sample is in check. ARGS is for the driver: --only, --jobs.
faults: deps
	$(MAKE) all $(FAULTS)
	$(BUILD)/faults/faults --jobs $$((4 * $$(nproc))) $(ARGS)

# A sample of MUTANTS, chosen by MUTANT_SEED, each run for up to MUTANT_SECONDS against the tests that reach it,
# MUTANT_JOBS at once; a first run measures for ten minutes what they reach. ARGS is for the driver: --only,
# --resume, --list.
MUTANTS ?= 500
MUTANT_SECONDS ?= 90
MUTANT_SEED ?= 1
MUTANT_JOBS ?= $(shell nproc)

mutants: deps
	$(MAKE) all test-programs $(FAULTS)
	test-scripts/campaigns/mutants/run --sample $(MUTANTS) --seconds $(MUTANT_SECONDS) --seed $(MUTANT_SEED) \
		--jobs $(MUTANT_JOBS) $(ARGS)

bench: deps
	$(MAKE) all bench-programs
	$(MAKE) static
	$(BENCH) --bin $(BIN) --build $(BUILD) --json $(BUILD)/bench.json \
		--plot $(BUILD)/attachments.svg $(if $(BEFORE),--before $(BEFORE)) $(SUBJECTS)

# Lists are examples: the suffix keeps a runtime from taking one up unasked. What people call has a name in
# their path, too.
TOOLS := netns-stats cnirun
MANUALS = $(foreach p,$(PLUGINS),$(wildcard plugins/$(p)/*.8))
COMPLETIONS = $(foreach p,$(PLUGINS),$(wildcard plugins/$(p)/*.bash))
UNITS := $(wildcard conf/*.service)
LISTS := $(wildcard conf/*.conflist)
EXAMPLES := $(filter-out $(UNITS) $(LISTS),$(wildcard conf/*.json conf/*.yml))

install: all
	install -d $(addprefix $(DESTDIR),$(CNIBINDIR) $(CNICONFDIR) $(MANDIR)/man8 $(COMPLETIONDIR) \
		$(UNITDIR) $(PREFIX)/bin $(DOCDIR)/examples)
	install -m 755 $(BINS) $(DESTDIR)$(CNIBINDIR)
	for tool in $(TOOLS); do ln -sfn $(CNIBINDIR)/$$tool $(DESTDIR)$(PREFIX)/bin/$$tool || exit; done
	for page in $(MANUALS); do \
		sed 's|^\.Os$$|.Os usernet-cni $(VERSION)|' $$page | \
			install -m 644 /dev/stdin $(DESTDIR)$(MANDIR)/man8/$${page##*/} || exit; \
	done
	for file in $(COMPLETIONS); do \
		install -m 644 $$file $(DESTDIR)$(COMPLETIONDIR)/$$(basename $$file .bash) || exit; \
	done
	for unit in $(UNITS); do \
		sed 's|/opt/cni/bin|$(CNIBINDIR)|' $$unit | \
			install -m 644 /dev/stdin $(DESTDIR)$(UNITDIR)/$${unit##*/} || exit; \
	done
	install -m 644 README.md $(DESTDIR)$(DOCDIR)
	install -m 644 $(EXAMPLES) $(DESTDIR)$(DOCDIR)/examples
	@for list in $(LISTS); do \
		to=$(DESTDIR)$(CNICONFDIR)/$${list##*/}$(LISTSUFFIX); \
		if [[ -e $$to ]] && ! cmp -s $$list $$to; then \
			echo "$$to differs from ours and is kept; ours is $$to.new"; \
			to+=.new; \
		fi; \
		install -m 644 $$list $$to || exit; \
	done

# Folders stay: whose they are cannot be known.
uninstall:
	rm -f $(PLUGINS:%=$(DESTDIR)$(CNIBINDIR)/%) $(TOOLS:%=$(DESTDIR)$(PREFIX)/bin/%)
	rm -f $(addprefix $(DESTDIR)$(MANDIR)/man8/,$(notdir $(MANUALS)))
	rm -f $(addprefix $(DESTDIR)$(COMPLETIONDIR)/,$(notdir $(COMPLETIONS:.bash=)))
	rm -f $(addprefix $(DESTDIR)$(UNITDIR)/,$(notdir $(UNITS)))
	rm -f $(addprefix $(DESTDIR)$(DOCDIR)/,README.md $(addprefix examples/,$(notdir $(EXAMPLES))))
	rm -f $(patsubst conf/%,$(DESTDIR)$(CNICONFDIR)/%$(LISTSUFFIX).new,$(LISTS))
	@for list in $(LISTS); do \
		at=$(DESTDIR)$(CNICONFDIR)/$${list##*/}$(LISTSUFFIX); \
		if [[ ! -e $$at ]] || cmp -s $$list $$at; then \
			rm -f $$at; \
		else \
			echo "$$at differs from ours and is kept"; \
		fi; \
	done

# The same bytes from the same commit, wherever and by whom: names in order, nobody's files, the time of
# the commit. A tarball, which has no commits, keeps the time that it came with, and so does a clone where git
# is missing or refuses to read what is another user's.
TARBALL := build/usernet-cni-$(VERSION).tar.gz
IN_GIT = $(if $(wildcard .git),$(shell git rev-parse --git-dir 2>/dev/null))

dist:
	@mkdir -p build
	set -o pipefail; $(if $(IN_GIT),git ls-files -z,find . -path ./.git -prune -o -path ./build -prune -o -path ./bin -prune -o -path ./compile_commands.json -prune -o -type f -printf '%P\0') | \
		while IFS= read -r -d '' file; do [[ ! -e $$file ]] || printf '%s\0' "$$file"; done | \
		LC_ALL=C sort -z | \
		tar --create --null --no-recursion --files-from=- --transform='s|^|usernet-cni-$(VERSION)/|' \
			--format=ustar --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
			--mtime=@$$($(if $(IN_GIT),git log -1 --format=%ct,stat -c %Y LICENSE)) | \
		gzip -9n >$(TARBALL)
	@echo $(TARBALL)

# dpkg-buildpackage builds from the tarball, so this is also the proof that the tarball builds.
deb: dist
	@for tool in dpkg-buildpackage dh; do \
		command -v $$tool >/dev/null || { echo "make deb needs $$tool: make deps" >&2; exit 1; }; \
	done
	rm -rf build/deb
	mkdir -p build/deb
	cp $(TARBALL) build/deb/usernet-cni_$(VERSION).orig.tar.gz
	tar -C build/deb -xzf $(TARBALL)
	cp -r conf/debian build/deb/usernet-cni-$(VERSION)/debian
	conf/debian/changelog-of README.md >build/deb/usernet-cni-$(VERSION)/debian/changelog
	rm build/deb/usernet-cni-$(VERSION)/debian/changelog-of
	cd build/deb/usernet-cni-$(VERSION) && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL dpkg-buildpackage -us -uc
	@ls build/deb/*.deb build/deb/*.dsc

# The commands that make would run, as it says them itself: one entry for each source in each of them.
compile_commands.json: $(GENERATED)
	@set -o pipefail; $(MAKE) --no-print-directory --always-make --dry-run V=1 all test-programs bench-programs $(BUILD)/load \
		$(FAULTS) $(FUZZERS) | awk -v directory="$(CURDIR)" '\
		index($$0, "$(CC) ") == 1 { \
			command = $$0; gsub(/[\\"]/, "\\\\&", command); \
			for (i = 2; i <= NF; i++) \
				if ($$i ~ /^[^-].*\.c$$/) \
					printf "%s\n{\"directory\": \"%s\", \"file\": \"%s\", \"command\": \"%s\"}", \
						entries++ ? "," : "[", directory, $$i, command \
		} \
		END { print entries ? "\n]" : "[]" }' >$@
	@echo $@

# make print-NAME: what a variable is, for the scripts that must know it.
print-%:
	@echo '$($*)'

clean:
	rm -rf build bin compile_commands.json

# The copies of the tree that mutants are built in have their own.
-include $(shell find $(BUILD) -path $(BUILD)/mutants -prune -o -type f -name '*.d' -print 2>/dev/null)
