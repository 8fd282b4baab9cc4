# Everything a fresh Debian 12 machine needs; a second run skips what is there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA ?=
NAME ?=

RUN_PACKAGES := nmap openssl
AD_PACKAGES := samba-ad-provision samba-dsdb-modules samba-vfs-modules winbind
LAB_PACKAGES := nmap samba smbclient openssh-server iproute2 iptables rpm tcpdump openssl strace e2fsprogs
TEST_PACKAGES := $(LAB_PACKAGES) $(AD_PACKAGES) sudo chromium chromium-driver fonts-noto-cjk wine wine64 busybox tshark

.PHONY: setup run test check bench fuzz demo setup-test lock clean

setup: $(VENV)/.run-ready

run: setup
	@tools/system-packages $(RUN_PACKAGES)
	@$(BIN)/hezheng serve $(if $(DATA),--data $(DATA))

demo: setup
	@tools/system-packages $(LAB_PACKAGES)
	@$(BIN)/hezheng demo $(DEMO_OPTIONS)

setup-test: $(VENV)/.test-ready
	@tools/system-packages $(TEST_PACKAGES)

test: setup-test
	@$(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(PYTEST_OPTIONS)

check: $(VENV)/.test-ready
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/pyright
	@$(BIN)/lint-imports
	@$(BIN)/hezheng --help > /dev/null

bench: $(VENV)/.bench-ready
	@tools/system-packages $(LAB_PACKAGES)
	@$(BIN)/python bench/run.py $(NAME)

# Each property with 10,000 examples; FUZZ narrows it, e.g. make fuzz FUZZ=smbios.
fuzz: $(VENV)/.test-ready
	@HYPOTHESIS_PROFILE=fuzz $(BIN)/pytest -m "hypothesis and not lab" --timeout 3600 $(if $(FUZZ),-k $(FUZZ))

$(VENV)/bin/python:
	@tools/make-venv $(PYTHON) $(VENV)

$(VENV)/.run-ready: requirements/run.txt pyproject.toml | $(VENV)/bin/python
	@tools/install-python $(VENV) requirements/run.txt
	@touch $@

$(VENV)/.test-ready: requirements/test.txt $(VENV)/.run-ready
	@tools/install-python $(VENV) requirements/test.txt
	@touch $@

$(VENV)/.bench-ready: requirements/bench.txt $(VENV)/.test-ready
	@tools/install-python $(VENV) requirements/bench.txt
	@touch $@

# Maintainers: renew the hash-pinned requirement files after changing pyproject.toml.
lock: $(VENV)/.test-ready
	@tools/lock

clean:
	rm -rf $(VENV) build dist *.egg-info
