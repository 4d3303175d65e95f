# The front door. The building itself is Meson's: see meson.build.
BUILD = build
FUZZ_SECONDS = 60
PREFIX = /usr/local

all: $(BUILD)/build.ninja ## build build/rtspbench, optimised
	@ninja -C $(BUILD) program
	@cat $(BUILD)/left-out.txt

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' Makefile | expand -t 10

demo: ## see 100 readers load an embedded server for 10 seconds
	@scripts/setup demo
	@$(MAKE) --no-print-directory all
	@$(BUILD)/rtspbench

test: ## everything that CI runs; under 15 minutes
	@scripts/setup test
	@scripts/test

check: $(BUILD)/build.ninja ## the quick part of it: unit tests and form
	@ninja -C $(BUILD)
	@scripts/test unit form

soak: $(BUILD)/build.ninja ## the long list of media files, served and published; under 10 minutes
	@scripts/setup test
	@ninja -C $(BUILD)
	@scripts/test soak

fmt: ## lay out the C code
	@git ls-files '*.c' '*.h' | xargs clang-format -i

fuzz: ## fuzz each parser for FUZZ_SECONDS
	@scripts/test --fuzz-seconds $(FUZZ_SECONDS) fuzz

bench: $(BUILD)/build.ninja ## every target of docs/PERFORMANCE.md; under 15 minutes
	@ninja -C $(BUILD) program bench/bench-source bench/bench-drain bench/bench-micro
	@bench/run

install: all ## into PREFIX (/usr/local)
	@install -D -m 755 $(BUILD)/rtspbench $(DESTDIR)$(PREFIX)/bin/rtspbench
	@[ ! -f $(BUILD)/src/media/rtspbench-media.so ] || install -D -m 644 \
	    $(BUILD)/src/media/rtspbench-media.so $(DESTDIR)$(PREFIX)/lib/rtspbench/rtspbench-media.so
	@install -d $(DESTDIR)$(PREFIX)/share/man/man1
	@install -m 644 $(BUILD)/*.1 $(DESTDIR)$(PREFIX)/share/man/man1
	@install -D -m 644 $(BUILD)/rtspbench.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/rtspbench
	@install -D -m 644 $(BUILD)/_rtspbench $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_rtspbench
	@install -D -m 644 $(BUILD)/rtspbench.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/rtspbench.fish

clean: ## remove all build folders
	@rm -rf $(BUILD) $(BUILD)-*

$(BUILD)/build.ninja:
	@command -v meson >/dev/null && command -v ninja >/dev/null || \
	    { echo "meson and ninja are missing: run scripts/setup" >&2; exit 1; }
	@meson setup $(BUILD)

.PHONY: all help demo test check soak fmt fuzz bench install clean
