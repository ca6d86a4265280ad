# Makefile - everything built lands in build/$(VARIANT); see `make help`.
#
# CC, CFLAGS, CPPFLAGS, LDFLAGS, LDLIBS, DESTDIR, prefix and the directories
# below it are the user's; what the project itself needs is in OURS.  New files
# need no edit here: sources, tests and fuzzers are found by wildcard.

VERSION := 0.1.0
VARIANT ?= release
B       := build/$(VARIANT)

prefix     ?= /usr/local
bindir     ?= $(prefix)/bin
sbindir    ?= $(prefix)/sbin
libdir     ?= $(prefix)/lib
includedir ?= $(prefix)/include
mandir     ?= $(prefix)/share/man
docdir     ?= $(prefix)/share/doc/paxoskv
unitdir    ?= $(prefix)/lib/systemd/system
sysconfdir ?= /etc

INSTALL ?= install
FUZZ_SECONDS ?= 10

# ---- variants ---------------------------------------------------------------

CHECKS   := -DPAXOSKV_SLOW_CHECKS -DPAXOSKV_FAILPOINTS
SANITIZE := -fno-sanitize-recover=all -fno-omit-frame-pointer
HARDEN   := -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2

FLAGS_release  := -O2 -g -fno-plt $(HARDEN)
FLAGS_debug    := -O0 -g3 $(CHECKS)
FLAGS_asan     := -O1 -g $(CHECKS) -fsanitize=address,undefined $(SANITIZE)
FLAGS_tsan     := -O1 -g -fsanitize=thread $(SANITIZE)
FLAGS_fuzz     := -O1 -g $(CHECKS) $(SANITIZE) \
                  -fsanitize=fuzzer-no-link,address,undefined
FLAGS_coverage := -O0 -g $(CHECKS) --coverage

LINK_release  := -Wl,-z,relro,-z,now
LINK_asan     := -fsanitize=address,undefined
LINK_tsan     := -fsanitize=thread
LINK_fuzz     := -fsanitize=address,undefined
LINK_coverage := --coverage

ifeq ($(FLAGS_$(VARIANT)),)
$(error VARIANT=$(VARIANT) is none of release debug asan tsan fuzz coverage)
endif

# libFuzzer is clang's; an explicit CC of the user still wins.
ifeq ($(VARIANT)-$(origin CC),fuzz-default)
CC := clang
endif

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
        -Wold-style-definition -Wvla -Wpointer-arith -Wwrite-strings -Wundef \
        -Wformat=2 -Wimplicit-fallthrough $(if $(filter 1,$(WERROR)),-Werror)

# Debian keeps the header of iniparser in a folder of its own.
INCLUDES := -Isrc -Iinclude -Itests \
            $(addprefix -isystem ,$(wildcard /usr/include/iniparser))
DEFINES  := -D_GNU_SOURCE -DPAXOSKV_VERSION='"$(VERSION)"' \
            -DPAXOSKV_SYSCONFDIR='"$(sysconfdir)"'
OURS     := -std=gnu11 $(DEFINES) $(INCLUDES) $(WARN) $(FLAGS_$(VARIANT))
COMPILE   = $(CC) $(OURS) $(CPPFLAGS) $(CFLAGS)
LINK      = $(CC) $(LINK_$(VARIANT)) $(CFLAGS) $(LDFLAGS)

ifeq ($(V),1)
say =
else
Q   := @
say  = @printf '  %-7s %s\n' '$(1)' '$(2)';
endif

# ---- rooms: who may link whom, as check-layers.sh has it for includes -------

ROOMS := base paxos kv node wire config io daemon client cli

NEEDS_base   :=
NEEDS_paxos  := base
NEEDS_kv     := base
NEEDS_node   := paxos kv base
NEEDS_wire   := paxos kv base
NEEDS_config := base
NEEDS_io     := wire base
NEEDS_daemon := io wire node config paxos kv base
NEEDS_client := wire kv config base
NEEDS_cli    := client wire kv config base
NEEDS_sim    := node wire paxos kv base

LIBS_config := -liniparser
LIBS_io     := -luring
LIBS_daemon := -luring -liniparser
LIBS_client := -liniparser
LIBS_cli    := -liniparser -lm

# Objects of a folder, but for its main(), which stays out of the archive.
objects  = $(patsubst %.c,$B/%.o,$(filter-out $(1)/main.c $(1)/test_%.c \
           $(1)/fuzz_%.c,$(wildcard $(1)/*.c)))
archives = $(patsubst %,$B/%.a,$(1) $(NEEDS_$(1)))

SIM_OBJS     := $(call objects,tests/sim)
SUPPORT_OBJS := $(call objects,tests/support)

PROGRAMS := $B/paxoskvd $B/paxoskv
SIM      := $B/paxoskv-sim
LIBRARY  := $B/libpaxoskv.a
TEST_SRC := $(wildcard $(patsubst %,tests/%/test_*.c,$(ROOMS) sim))
TESTS    := $(TEST_SRC:%.c=$B/%)
FUZZERS  := $(patsubst tests/fuzz/%.c,$B/%,$(wildcard tests/fuzz/fuzz_*.c))
ALL_SRC  := $(wildcard src/*/*.c tests/*/*.c)

.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:
.PHONY: all tests demo check check-all sim fuzz fuzzers lint format bench \
        install uninstall clean help force

all: $(ROOMS:%=$B/%.a) $(PROGRAMS) $(LIBRARY) $B/compile_commands.json
tests: $(TESTS) $(SIM)
fuzzers: $(FUZZERS)

# ---- compiling and linking --------------------------------------------------

build/.gitignore:
	$Qmkdir -p build && echo '*' >$@

# Everything is built anew when the flags are not those of the last time.
$B/flags: force | build/.gitignore
	$Qmkdir -p $B && echo "$(subst ",\",$(COMPILE) -- $(LINK))" >$@.new; \
	if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$B/%.o: %.c Makefile $B/flags
	$Qmkdir -p $(@D)
	$(call say,CC,$<)$(COMPILE) -MMD -MP -c -o $@ $<

define room_rules
$B/$(1).a: $(call objects,src/$(1)) Makefile
$B/tests/$(1)/test_%: $B/tests/$(1)/test_%.o $B/support.a \
                      $(call archives,$(1))
	$$(call say,LINK,$$@)$$(LINK) -o $$@ $$(filter %.o %.a,$$^) \
	    $(LIBS_$(1)) -lcmocka $$(LDLIBS)
endef
$(foreach room,$(ROOMS) sim,$(eval $(call room_rules,$(room))))

$B/support.a: $(SUPPORT_OBJS) Makefile
$B/sim.a: $(SIM_OBJS)

$B/%.a: | build/.gitignore
	$Qmkdir -p $(@D) && rm -f $@
	$(call say,AR,$@)$(AR) rcs $@ $(filter %.o,$^)

$B/paxoskvd: $B/src/daemon/main.o $(call archives,daemon)
	$(call say,LINK,$@)$(LINK) -o $@ $(filter %.o %.a,$^) $(LIBS_daemon) \
	    $(LDLIBS)

# The client is linked as its users would link it.
$B/paxoskv: $B/src/cli/main.o $B/cli.a $(LIBRARY)
	$(call say,LINK,$@)$(LINK) -o $@ $(filter %.o %.a,$^) $(LIBS_cli) \
	    $(LDLIBS)

$B/paxoskv-sim: $B/tests/sim/main.o $(call archives,sim)
	$(call say,LINK,$@)$(LINK) -o $@ $(filter %.o %.a,$^) $(LDLIBS)

# One object in which only pkv_ names are left, so that nothing of the inside
# can collide with the names of a program that links it.
$(LIBRARY): $(call objects,src/client) $(patsubst %,$B/%.a,$(NEEDS_client))
	$Qrm -f $@
	$(call say,LIB,$@)$(LD) -r -o $B/libpaxoskv.o $(filter %.o,$^) \
	    --start-group $(filter %.a,$^) --end-group
	$Qobjcopy -w --keep-global-symbol='pkv_*' $B/libpaxoskv.o
	$Q$(AR) rcs $@ $B/libpaxoskv.o

# A fuzzer may use every parser; it is C like the rest, and has no main().
$B/fuzz_%: $B/tests/fuzz/fuzz_%.o $(patsubst %,$B/%.a,support cli client \
           daemon io wire node config paxos kv base)
	$(call say,LINK,$@)$(LINK) -fsanitize=fuzzer -o $@ \
	    $(filter %.o %.a,$^) -luring -liniparser -lm $(LDLIBS)

$B/compile_commands.json: Makefile $B/flags $(ALL_SRC)
	$Q{ echo '['; sep=; for f in $(ALL_SRC); do \
	    printf '%s{"directory": "%s", "file": "%s", "command": "%s"}' \
	        "$$sep" '$(CURDIR)' "$$f" \
	        '$(subst ",\",$(subst ','\'',$(COMPILE))) -c '"$$f"; \
	    sep=",$$(printf '\nx')"; sep=$${sep%x}; \
	done; echo; echo ']'; } >$@

-include $(ALL_SRC:%.c=$B/%.d)

# ---- what people run --------------------------------------------------------

# All processors, unless the user has said how many jobs there shall be.
JOBS = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc 2>/dev/null || echo 2))
AGAIN = +@$(MAKE) --no-print-directory $(JOBS) VARIANT=$(VARIANT)

demo:
	@scripts/deps.sh build
	$(AGAIN) all
	@BUILD=$B scripts/demo.sh

check:
	@scripts/deps.sh build test
	$(AGAIN) all tests
	@BUILD=$B scripts/run-tests.sh $(TESTS)

check-all:
	+@$(MAKE) --no-print-directory lint
	+@$(MAKE) --no-print-directory check VARIANT=asan
	+@$(MAKE) --no-print-directory check VARIANT=debug
	+@$(MAKE) --no-print-directory fuzz
	+@$(MAKE) --no-print-directory check VARIANT=release

sim:
	@scripts/deps.sh build test
	$(AGAIN) $(SIM)
	$B/paxoskv-sim $(ARGS)

fuzz:
	@scripts/deps.sh build fuzz
	+@$(MAKE) --no-print-directory $(JOBS) VARIANT=fuzz fuzzers
	@BUILD=build/fuzz scripts/fuzz.sh $(FUZZ_SECONDS)

lint:
	@scripts/deps.sh build lint
	$(AGAIN) all
	@BUILD=$B scripts/lint.sh

format:
	@scripts/deps.sh lint
	clang-format -i $$(find src include tests -name '*.[ch]')

bench:
	@scripts/deps.sh build
	$(AGAIN) all
	@BUILD=$B scripts/bench.sh $(ARGS)

clean:
	rm -rf build

# ---- installing -------------------------------------------------------------

MAN = $(wildcard man/*.[1-8])

install: all
	$(INSTALL) -d $(DESTDIR)$(bindir) $(DESTDIR)$(sbindir) \
	    $(DESTDIR)$(libdir) $(DESTDIR)$(includedir) $(DESTDIR)$(docdir) \
	    $(DESTDIR)$(unitdir) $(DESTDIR)$(sysconfdir)/paxoskv
	$(INSTALL) -m 755 $B/paxoskvd $(DESTDIR)$(sbindir)/paxoskvd
	$(INSTALL) -m 755 $B/paxoskv $(DESTDIR)$(bindir)/paxoskv
	$(INSTALL) -m 644 $(LIBRARY) $(DESTDIR)$(libdir)/libpaxoskv.a
	$(INSTALL) -m 644 include/paxoskv.h $(DESTDIR)$(includedir)/paxoskv.h
	$(INSTALL) -m 644 README.md LICENSE conf/paxoskvd.ini \
	    $(DESTDIR)$(docdir)
	for page in $(MAN); do \
	    dir=$(DESTDIR)$(mandir)/man$${page##*.}; \
	    $(INSTALL) -d $$dir && $(INSTALL) -m 644 $$page $$dir || exit 1; \
	done
	sed -e 's|@sbindir@|$(sbindir)|' -e 's|@sysconfdir@|$(sysconfdir)|' \
	    conf/paxoskvd.service >$(DESTDIR)$(unitdir)/paxoskvd.service
	@ini=$(DESTDIR)$(sysconfdir)/paxoskv/paxoskvd.ini; \
	if [ -e "$$ini" ]; then echo "$$ini is kept as it is"; \
	else $(INSTALL) -m 644 conf/paxoskvd.ini "$$ini"; fi

uninstall:
	rm -f $(DESTDIR)$(sbindir)/paxoskvd $(DESTDIR)$(bindir)/paxoskv \
	    $(DESTDIR)$(libdir)/libpaxoskv.a \
	    $(DESTDIR)$(includedir)/paxoskv.h \
	    $(DESTDIR)$(unitdir)/paxoskvd.service
	for page in $(MAN); do \
	    rm -f $(DESTDIR)$(mandir)/man$${page##*.}/$${page##*/}; done
	rm -rf $(DESTDIR)$(docdir)

help:
	@echo 'make [VARIANT=release|debug|asan|tsan|fuzz|coverage] [V=1] TARGET'
	@echo '  all        programs and library, into build/VARIANT (default)'
	@echo '  demo       five nodes, two of them killed, nothing lost'
	@echo '  check      all tests; check-all: all variants, fuzz and lint'
	@echo '  sim        the simulator; ARGS= for its options'
	@echo '  fuzz       every fuzzer for FUZZ_SECONDS=10'
	@echo '  lint       style, layers, man pages, scripts; format: clang-format'
	@echo '  bench      our floors, and etcd if it is there; ARGS= one run of ours'
	@echo '  install    into DESTDIR, prefix; uninstall keeps configuration'
	@echo '  clean      remove build/'
