# Makefile - everything built lands in build/$(VARIANT); see `make help`.
#
# CC, CFLAGS, CPPFLAGS, LDFLAGS, LDLIBS, DESTDIR, prefix and the directories
# below it are the user's; what the project itself needs is in OURS.  New files
# need no edit here: sources, tests and fuzzers are found by wildcard.

# The public header says which version this is, for all that asks.
VERSION := $(shell sed -n 's/^.define PKV_VERSION_[A-Z]* *//p' \
             include/paxoskv.h | paste -sd.)
SOVERSION := $(firstword $(subst ., ,$(VERSION)))
VARIANT ?= release
B       := build/$(VARIANT)

prefix     ?= /usr/local
bindir     ?= $(prefix)/bin
sbindir    ?= $(prefix)/sbin
libdir     ?= $(prefix)/lib
includedir ?= $(prefix)/include
datadir    ?= $(prefix)/share
mandir     ?= $(datadir)/man
docdir     ?= $(datadir)/doc/paxoskv
bashdir    ?= $(datadir)/bash-completion/completions
unitdir    ?= $(prefix)/lib/systemd/system
usersdir   ?= $(prefix)/lib/sysusers.d
sysconfdir ?= /etc

INSTALL ?= install
FUZZ_SECONDS ?= 10
# Of `make soak`: so many seconds of worlds that nobody has seen before.
T            ?= 3600
CORES        := $(shell nproc 2>/dev/null || echo 2)

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
# The sanitizers' own names are not defined before a program is linked.
WHOLE_release := -Wl,-z,defs
WHOLE_debug   := -Wl,-z,defs
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
# Code for a shared library costs nothing where nothing can be interposed.
PIC      := -fPIC -fvisibility=hidden
OURS     := -std=gnu11 $(PIC) $(DEFINES) $(INCLUDES) $(WARN) $(FLAGS_$(VARIANT))
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
NEEDS_sim    := client node wire paxos kv base

LIBS_config := -liniparser
LIBS_io     := -luring
LIBS_daemon := -luring -liniparser
LIBS_client := -liniparser
LIBS_cli    := -liniparser -lm

# Objects of a folder, but for its main(), which stays out of the archive.
objects  = $(patsubst %.c,$B/%.o,$(filter-out $(1)/main.c $(1)/test_%.c \
           $(1)/fuzz_%.c $(1)/tool_%.c,$(wildcard $(1)/*.c)))
archives = $(patsubst %,$B/%.a,$(1) $(NEEDS_$(1)))

SIM_OBJS     := $(call objects,tests/sim)
SUPPORT_OBJS := $(call objects,tests/support)

PROGRAMS := $B/paxoskvd $B/paxoskv
SIM      := $B/paxoskv-sim
LIBRARY  := $B/libpaxoskv.a
SHARED   := $B/libpaxoskv.so.$(VERSION)
MAP      := src/client/libpaxoskv.map
TEST_SRC := $(wildcard $(patsubst %,tests/%/test_*.c,$(ROOMS) sim))
TESTS    := $(TEST_SRC:%.c=$B/%)
TOOLS    := $(patsubst tests/support/%.c,$B/%,$(wildcard \
            tests/support/tool_*.c))
FUZZERS  := $(patsubst tests/fuzz/%.c,$B/%,$(wildcard tests/fuzz/fuzz_*.c))
ALL_SRC  := $(wildcard src/*/*.c tests/*/*.c)

.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:
.PHONY: all tests demo check check-all check-lab threads sim mutants golden \
        soak coverage fuzz fuzzers lint format bench install uninstall clean \
        help force

all: $(ROOMS:%=$B/%.a) $(PROGRAMS) $(SIM) $(LIBRARY) $(SHARED) \
     $B/compile_commands.json
tests: $(TESTS) $(TOOLS)
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

# What is not in the map stays inside.
$(SHARED): $(LIBRARY) $(MAP)
	$(call say,LINK,$@)$(LINK) -shared -o $@ $B/libpaxoskv.o $(WHOLE_$(VARIANT)) \
	    -Wl,-soname,libpaxoskv.so.$(SOVERSION) \
	    -Wl,--version-script=$(MAP) $(LIBS_client) $(LDLIBS)

# A program of the system tests stands alone.
$B/tool_%: $B/tests/support/tool_%.o
	$(call say,LINK,$@)$(LINK) -o $@ $< $(LDLIBS)

# Clients as those of others are, and the judge of what they were told.
$B/tool_chaos: $B/tests/support/tool_chaos.o $(LIBRARY)
	$(call say,LINK,$@)$(LINK) -o $@ $^ $(LIBS_client) $(LDLIBS)

$B/tool_chaos_judge: $B/tests/support/tool_chaos_judge.o $B/sim.a \
                     $(call archives,sim)
	$(call say,LINK,$@)$(LINK) -o $@ $(filter %.o %.a,$^) $(LDLIBS)

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
JOBS = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(CORES))
AGAIN = +@$(MAKE) --no-print-directory $(JOBS) VARIANT=$(VARIANT)

demo:
	@scripts/deps.sh build
	$(AGAIN) all
	@BUILD=$B scripts/demo.sh

check:
	@scripts/deps.sh build test lab
	$(AGAIN) all tests
	@BUILD=$B scripts/run-tests.sh $(TESTS)

check-all:
	+@$(MAKE) --no-print-directory lint
	+@$(MAKE) --no-print-directory check VARIANT=asan
	+@$(MAKE) --no-print-directory check VARIANT=debug
	+@$(MAKE) --no-print-directory fuzz
	+@RING=no ONLY='tests/system/*' $(MAKE) --no-print-directory check
	+@$(MAKE) --no-print-directory threads
	+@$(MAKE) --no-print-directory check VARIANT=release

# Exercises on hosts of their own; ARGS= names some of them.
check-lab:
	@scripts/deps.sh build test lab
	$(AGAIN) all tests
	@BUILD=$B scripts/check-lab.sh $(ARGS)

# The library, used from two threads, under the thread sanitizer.
THREADS := build/tsan/tests/client/test_contract
threads:
	@scripts/deps.sh build test
	+@$(MAKE) --no-print-directory $(JOBS) VARIANT=tsan $(THREADS)
	@# Where addresses are too random, gcc's sanitizer finds no room.
	$$(setarch -R true 2>/dev/null && echo setarch -R) $(THREADS)

sim:
	@scripts/deps.sh build test
	$(AGAIN) $(SIM)
	$B/paxoskv-sim $(ARGS)

# The transcripts that test_scenario compares with: read what has changed.
golden:
	@scripts/deps.sh build
	$(AGAIN) $(SIM)
	@mkdir -p tests/sim/golden
	@for name in $$($(SIM) --scenario list | cut -d' ' -f1); do \
	    $(SIM) --scenario $$name >tests/sim/golden/$$name.txt || exit 1; \
	done
	@git --no-pager diff --stat tests/sim/golden 2>/dev/null || true

soak:
	@scripts/deps.sh build
	$(AGAIN) $(SIM)
	$B/paxoskv-sim --seeds $$(date +%s)000000.. --time $T --jobs $(CORES) $(ARGS)

# What the simulator alone reaches of the core, and what it does not.
coverage:
	@scripts/deps.sh build test
	+@$(MAKE) --no-print-directory $(JOBS) VARIANT=coverage \
	    build/coverage/paxoskv-sim
	@BUILD=build/coverage scripts/coverage.sh $(ARGS)

# Each pitfall of paxoskv(7) as a fault in the code: is it found?
mutants:
	@scripts/deps.sh build test
	@scripts/mutants.sh $(ARGS)

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
	$(AGAIN) all $B/tool_disk
	@BUILD=$B scripts/bench.sh $(ARGS)

clean:
	rm -rf build

# ---- installing -------------------------------------------------------------

# Simulator and lab are for those who have the sources, and so are their pages.
MAN := $(filter-out %-sim.1 %-lab.7,$(wildcard man/*.[1-8]))

# mode:from:to of all that is installed, and so of all that is uninstalled; but
# for the configuration, which belongs to the user.
PARTS := 755:$B/paxoskvd:$(sbindir)/paxoskvd \
         755:$B/paxoskv:$(bindir)/paxoskv \
         644:include/paxoskv.h:$(includedir)/paxoskv.h \
         644:$(LIBRARY):$(libdir)/libpaxoskv.a \
         644:$(SHARED):$(libdir)/libpaxoskv.so.$(VERSION) \
         644:$B/conf/paxoskv.pc:$(libdir)/pkgconfig/paxoskv.pc \
         644:$B/conf/paxoskvd.service:$(unitdir)/paxoskvd.service \
         644:$B/conf/paxoskvd@.service:$(unitdir)/paxoskvd@.service \
         644:conf/sysusers.conf:$(usersdir)/paxoskv.conf \
         644:conf/completion.bash:$(bashdir)/paxoskv \
         644:conf/paxoskvd.ini:$(docdir)/paxoskvd.ini \
         644:conf/sysctl.conf:$(docdir)/sysctl.conf \
         644:README.md:$(docdir)/README.md \
         644:LICENSE:$(docdir)/LICENSE \
         $(foreach m,$(MAN),644:$m:$(mandir)/man$(subst .,,$(suffix \
             $m))/$(notdir $m))
# to:link
LINKS := libpaxoskv.so.$(VERSION):$(libdir)/libpaxoskv.so.$(SOVERSION) \
         libpaxoskv.so.$(SOVERSION):$(libdir)/libpaxoskv.so \
         paxoskv:$(bashdir)/paxoskvd
FILLED := $(patsubst %,$B/conf/%,paxoskv.pc paxoskvd.service \
            paxoskvd@.service)
INI := $(sysconfdir)/paxoskv/paxoskvd.ini

# Their content depends on the directories, which may be new this time.
$(FILLED): $B/conf/%: conf/% force | build/.gitignore
	$Qmkdir -p $(@D) && sed -e 's|@prefix@|$(prefix)|' \
	    -e 's|@libdir@|$(libdir)|' -e 's|@includedir@|$(includedir)|' \
	    -e 's|@sbindir@|$(sbindir)|' -e 's|@sysconfdir@|$(sysconfdir)|' \
	    -e 's|@version@|$(VERSION)|' $< >$@.new; \
	if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

install: all $(FILLED)
	$Qset -e; IFS=:; \
	for part in $(PARTS); do \
	    set -- $$part; \
	    $(INSTALL) -d "$(DESTDIR)$${3%/*}"; \
	    $(INSTALL) -m $$1 "$$2" "$(DESTDIR)$$3"; \
	done; \
	for link in $(LINKS); do \
	    set -- $$link; \
	    ln -sf "$$1" "$(DESTDIR)$$2"; \
	done
	$Qif [ -e "$(DESTDIR)$(INI)" ]; then \
	    echo "$(DESTDIR)$(INI) is kept as it is"; \
	else \
	    $(INSTALL) -d "$(DESTDIR)$(sysconfdir)/paxoskv" && \
	    $(INSTALL) -m 644 conf/paxoskvd.ini "$(DESTDIR)$(INI)"; \
	fi
	$Q[ -n "$(DESTDIR)" ] || ldconfig 2>/dev/null || \
	    echo 'ldconfig did not run: the linker may not find the library yet'

uninstall:
	$QIFS=:; for part in $(PARTS); do \
	    set -- $$part; rm -f "$(DESTDIR)$$3"; \
	done; \
	for link in $(LINKS); do \
	    set -- $$link; rm -f "$(DESTDIR)$$2"; \
	done
	$Qif cmp -s conf/paxoskvd.ini "$(DESTDIR)$(INI)"; then \
	    rm -f "$(DESTDIR)$(INI)"; \
	elif [ -e "$(DESTDIR)$(INI)" ]; then \
	    echo "$(DESTDIR)$(INI) was edited, and is kept"; \
	fi
	$Qrmdir "$(DESTDIR)$(docdir)" "$(DESTDIR)$(sysconfdir)/paxoskv" \
	    2>/dev/null || true
	$Q[ -n "$(DESTDIR)" ] || ldconfig 2>/dev/null || true

help:
	@echo 'make [VARIANT=release|debug|asan|tsan|fuzz|coverage] [V=1] TARGET'
	@echo '  all        programs and library, into build/VARIANT (default)'
	@echo '  demo       five nodes, two of them killed, nothing lost'
	@echo '  check      all tests; RING=no: without io_uring'
	@echo '  check-all  all variants, with ring and without, fuzz and lint'
	@echo '  check-lab  exercises on a network that is broken; ARGS= some of them'
	@echo '  threads    the library under the thread sanitizer'
	@echo '  sim        the simulator; ARGS= for its options'
	@echo '  golden     transcripts of the scenarios, anew'
	@echo '  soak       the simulator for T=3600 seconds, from new seeds'
	@echo '  coverage   what the simulator alone reaches of the core'
	@echo '  mutants    faults on purpose, and what finds them; ARGS=8: of one'
	@echo '  fuzz       every fuzzer for FUZZ_SECONDS=10'
	@echo '  lint       style, layers, man pages, scripts; format: clang-format'
	@echo '  bench      our floors, and etcd if it is there; ARGS= one run of ours'
	@echo '  install    into DESTDIR, prefix; uninstall keeps configuration'
	@echo '  clean      remove build/'
