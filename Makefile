# usernet-cni: build, test, bench.
#
#   make            builds bin/
#   make deps       installs, by apt-get and as root, what building, the demo and the tests need
#   make demo       the main job on real namespaces, as root and as an ordinary user
#   make check      lint, unit and integration tests; last line "N passed, N failed"
#   make load       many attachments and callers at once, and 10,000 cycles (as root)
#   make bench      side by side with the peers, as ratios from one run (as root)
#   make static     the same executables, fully static, into build/static/bin
#   make install    plugins into CNIBINDIR, manual pages and example lists; DESTDIR, PREFIX
#
# SANITIZE=1 builds with AddressSanitizer and UBSan into build/sanitize/; V=1 shows the commands.
SHELL := /bin/bash
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.PHONY: all deps demo check lint load bench install uninstall clean test-programs bench-programs

PLUGINS ?= slirp4netns netns-portmap netns-stats cnirun

PREFIX ?= /usr/local
CNIBINDIR ?= /opt/cni/bin
CNICONFDIR ?= /etc/cni/net.d
MANDIR ?= $(PREFIX)/share/man
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions
UNITDIR ?= $(PREFIX)/lib/systemd/system

Q := $(if $(filter 1,$(V)),,@)

ifeq ($(SANITIZE),1)
BUILD ?= build/sanitize
BIN ?= build/sanitize/bin
OPT := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer --coverage
LDOPT := -fsanitize=address,undefined --coverage
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

CC := gcc
WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wcast-qual -Wwrite-strings -Wformat=2 -Wundef -Wvla -Wimplicit-fallthrough
CFLAGS ?= $(OPT)
PIE := -pie
ALL_CFLAGS := -std=gnu11 -D_GNU_SOURCE $(CFLAGS) $(WARN) -fPIE -fstack-protector-strong \
	-fstack-clash-protection -fno-plt -ffunction-sections -fdata-sections -fvisibility=hidden \
	-Icommon -isystem /usr/include/libnl3 -MMD -MP
ALL_LDFLAGS = $(LDOPT) $(PIE) -Wl,-z,relro,-z,now -Wl,--gc-sections -Wl,--as-needed \
	-Wl,-O1 -Wl,--hash-style=gnu $(LDFLAGS)
LIBS := -lcjson -lnl-3
LIBS_netns-portmap := -lnftnl -lmnl

COMMON_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard common/*.c))
LIB := $(BUILD)/libusernet.a

# cJSON is compiled from source, and what else has no static library is replaced or left out, see there.
ifeq ($(STATIC),1)
PIE := -static-pie
ALL_CFLAGS += -DUSERNET_STATIC
CJSON := $(BUILD)/cjson
STATIC_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard common/static/*.c)) $(CJSON)/cJSON.o
LIBS := -lnl-3
LIBS_netns-portmap := -lnftnl
LIBS_netns-stats := -lmicrohttpd -lncursesw -ltinfo -lnl-genl-3

$(CJSON)/cJSON.o: $(CJSON)/cJSON.c
	@echo '  CC    cJSON.c'
	$(Q)$(CC) $(filter-out $(WARN),$(ALL_CFLAGS)) -w -c -o $@ $<
$(CJSON)/cJSON.c: common/static/fetch-cjson
	@echo '  FETCH cJSON.c'
	$(Q)common/static/fetch-cjson $(CJSON)
	@touch $@
endif

BINS := $(PLUGINS:%=$(BIN)/%)
UNIT := $(patsubst test-scripts/unit/%.c,$(BUILD)/unit/%,$(wildcard test-scripts/unit/test_*.c))
BENCH := $(BUILD)/bench/slirp4netns $(BUILD)/bench/cnirun
CLIENT := build/libcni-client

all: $(BINS)

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo '  CC    $<'
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(LIB): $(COMMON_OBJ)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

# An executable is all the sources of its folder and the library. The one with debugging
# information stays in the build folder.
define plugin_rule
$(BUILD)/$(1).debug: $(patsubst %.c,$(BUILD)/%.o,$(wildcard plugins/$(1)/*.c)) $(STATIC_OBJ) $(LIB)
	@echo '  LINK  $(1)'
	$$(Q)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $$(LIBS_$(1)) $$(LIBS)
$(BIN)/$(1): $(BUILD)/$(1).debug
	@mkdir -p $$(@D)
	$$(Q)$(if $(filter 1,$(SANITIZE)),cp $$< $$@,strip -o $$@ $$<)
endef
$(foreach plugin,$(PLUGINS),$(eval $(call plugin_rule,$(plugin))))

$(BUILD)/unit/%: test-scripts/unit/%.c $(LIB) Makefile
	@mkdir -p $(@D)
	@echo '  TEST  $<'
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(LIB) -lcmocka $(LIBS)

$(BUILD)/bench/%: test-scripts/bench/%.c test-scripts/bench/bench.c test-scripts/bench/bench.h $(LIB)
	@mkdir -p $(@D)
	@echo '  BENCH $<'
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $(filter %.c,$^) $(LIB) $(LIBS)

# Debian's libcni, as Debian's own packages are built with it: its sources are in a GOPATH, not in modules.
$(CLIENT): $(wildcard test-scripts/libcni/*.go)
	@mkdir -p $(@D)
	@echo '  GO    $<'
	$(Q)GOFLAGS= GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$(abspath build/go-cache) \
		go build -o $@ $^

.PHONY: static
static:
	$(MAKE) STATIC=1 all

$(BUILD)/load: test-scripts/load/load.c $(LIB)
	@mkdir -p $(@D)
	@echo '  LOAD  $<'
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(LIB) $(LIBS)

test-programs: $(UNIT) $(CLIENT)

bench-programs: $(BENCH) $(CLIENT)

deps:
	test-scripts/install-dependencies

demo: deps
	$(MAKE) all
	test-scripts/demo $(abspath $(BIN))

check: deps
	$(MAKE) all test-programs bench-programs $(BUILD)/load
	$(MAKE) SANITIZE=1 all test-programs
	test-scripts/run-tests

lint: all
	test-scripts/lint

# What nobody wants to wait for at every check: 500 attachments, 32 callers, 10,000 cycles, and for both backends.
load: deps
	$(MAKE) all $(BUILD)/load
	$(BUILD)/load $(abspath $(BIN))
	$(BUILD)/load --list bridge $(abspath $(BIN))

bench: deps
	$(MAKE) all bench-programs
	$(BUILD)/bench/slirp4netns $(abspath $(BIN))
	OURS=$(abspath $(BIN))/netns-portmap test-scripts/bench-portmap
	test-scripts/bench-stats $(abspath $(BIN))
	$(BUILD)/bench/cnirun $(abspath $(BIN)) $(CLIENT) conf

# Lists are examples: the suffix .sample keeps a runtime from taking one up unasked. What people call has
# a name in their path, too.
TOOLS := netns-stats cnirun
MANUALS = $(foreach p,$(PLUGINS),$(wildcard plugins/$(p)/*.8))
COMPLETIONS = $(foreach p,$(PLUGINS),$(wildcard plugins/$(p)/*.bash))

install: all
	install -d $(addprefix $(DESTDIR),$(CNIBINDIR) $(CNICONFDIR) $(MANDIR)/man8 $(COMPLETIONDIR) \
		$(UNITDIR) $(PREFIX)/bin)
	install -m 755 $(BINS) $(DESTDIR)$(CNIBINDIR)
	for tool in $(TOOLS); do ln -sf $(CNIBINDIR)/$$tool $(DESTDIR)$(PREFIX)/bin/$$tool; done
	install -m 644 $(MANUALS) $(DESTDIR)$(MANDIR)/man8
	for file in $(COMPLETIONS); do \
		install -m 644 $$file $(DESTDIR)$(COMPLETIONDIR)/$$(basename $$file .bash); \
	done
	for unit in conf/*.service; do \
		sed 's|/opt/cni/bin|$(CNIBINDIR)|' $$unit >$(DESTDIR)$(UNITDIR)/$$(basename $$unit); \
	done
	for list in conf/*.conflist; do \
		install -m 644 $$list $(DESTDIR)$(CNICONFDIR)/$$(basename $$list).sample; \
	done

uninstall:
	rm -f $(PLUGINS:%=$(DESTDIR)$(CNIBINDIR)/%) $(TOOLS:%=$(DESTDIR)$(PREFIX)/bin/%)
	rm -f $(addprefix $(DESTDIR)$(MANDIR)/man8/,$(notdir $(MANUALS)))
	rm -f $(addprefix $(DESTDIR)$(COMPLETIONDIR)/,$(notdir $(COMPLETIONS:.bash=)))
	rm -f $(patsubst conf/%,$(DESTDIR)$(UNITDIR)/%,$(wildcard conf/*.service))
	rm -f $(patsubst conf/%,$(DESTDIR)$(CNICONFDIR)/%.sample,$(wildcard conf/*.conflist))

clean:
	rm -rf build bin

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
