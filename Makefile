# usernet-cni: build, test, bench.
#
#   make            builds bin/
#   make deps       installs, by apt-get and as root, what building, the demo and the tests need
#   make demo       the main job on real namespaces, as root and as an ordinary user
#   make check      lint, unit and integration tests; last line "N passed, N failed"
#   make bench      side by side with the peers, as ratios from one run (as root)
#   make install    plugins into CNIBINDIR, manual pages and example lists; DESTDIR, PREFIX
#
# SANITIZE=1 builds with AddressSanitizer and UBSan into build/sanitize/; V=1 shows the commands.
SHELL := /bin/bash
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.PHONY: all deps demo check lint bench install uninstall clean test-programs bench-programs

PLUGINS ?= slirp4netns netns-portmap

PREFIX ?= /usr/local
CNIBINDIR ?= /opt/cni/bin
CNICONFDIR ?= /etc/cni/net.d
MANDIR ?= $(PREFIX)/share/man

Q := $(if $(filter 1,$(V)),,@)

ifeq ($(SANITIZE),1)
BUILD ?= build/sanitize
BIN ?= build/sanitize/bin
OPT := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LDOPT := -fsanitize=address,undefined
else
BUILD ?= build
BIN ?= bin
OPT := -O2 -g -D_FORTIFY_SOURCE=2
LDOPT :=
endif

CC := gcc
WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wcast-qual -Wwrite-strings -Wformat=2 -Wundef -Wvla -Wimplicit-fallthrough
CFLAGS ?= $(OPT)
ALL_CFLAGS := -std=gnu11 -D_GNU_SOURCE $(CFLAGS) $(WARN) -fPIE -fstack-protector-strong \
	-fstack-clash-protection -fno-plt -ffunction-sections -fdata-sections -fvisibility=hidden \
	-Icommon -isystem /usr/include/libnl3 -MMD -MP
ALL_LDFLAGS := $(LDOPT) -pie -Wl,-z,relro,-z,now -Wl,--gc-sections -Wl,--as-needed \
	-Wl,-O1 -Wl,--hash-style=gnu $(LDFLAGS)
LIBS := -lcjson -lnl-3
LIBS_netns-portmap := -lnftnl -lmnl
LIBS_netns-stats := -lnl-genl-3 -lmicrohttpd -lncursesw -ltinfo

COMMON_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard common/*.c))
LIB := $(BUILD)/libusernet.a
BINS := $(PLUGINS:%=$(BIN)/%)
UNIT := $(patsubst test-scripts/unit/%.c,$(BUILD)/unit/%,$(wildcard test-scripts/unit/test_*.c))
BENCH := $(BUILD)/bench/slirp4netns

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
$(BUILD)/$(1).debug: $(patsubst %.c,$(BUILD)/%.o,$(wildcard plugins/$(1)/*.c)) $(LIB)
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

test-programs: $(UNIT)

bench-programs: $(BENCH)

deps:
	test-scripts/install-dependencies

demo: deps
	$(MAKE) all
	test-scripts/demo $(abspath $(BIN))

check: deps
	$(MAKE) all test-programs bench-programs
	$(MAKE) SANITIZE=1 all test-programs
	test-scripts/run-tests

lint:
	test-scripts/lint

bench: deps
	$(MAKE) all bench-programs
	$(BUILD)/bench/slirp4netns $(abspath $(BIN))
	OURS=$(abspath $(BIN))/netns-portmap test-scripts/bench-portmap

# Lists are examples: one that is there already is its owner's. The sample suffix keeps a runtime
# from taking a list up unasked.
install: all
	install -d $(DESTDIR)$(CNIBINDIR) $(DESTDIR)$(MANDIR)/man8 $(DESTDIR)$(CNICONFDIR)
	install -m 755 $(BINS) $(DESTDIR)$(CNIBINDIR)
	install -m 644 $(foreach p,$(PLUGINS),$(wildcard plugins/$(p)/*.8)) $(DESTDIR)$(MANDIR)/man8
	for list in conf/*.conflist; do \
		install -m 644 $$list $(DESTDIR)$(CNICONFDIR)/$$(basename $$list).sample; \
	done

uninstall:
	rm -f $(PLUGINS:%=$(DESTDIR)$(CNIBINDIR)/%)
	rm -f $(foreach p,$(PLUGINS),$(patsubst plugins/$(p)/%,$(DESTDIR)$(MANDIR)/man8/%,$(wildcard plugins/$(p)/*.8)))
	rm -f $(patsubst conf/%,$(DESTDIR)$(CNICONFDIR)/%.sample,$(wildcard conf/*.conflist))

clean:
	rm -rf build bin

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
