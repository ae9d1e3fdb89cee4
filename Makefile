# Everything runs on the Node that npm brings (node_modules/.bin/node): the host's may be older.
SHELL := /bin/bash
NODE := node_modules/.bin/node
BIN := node_modules/.bin
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
STAMP := node_modules/.installed
DASHBOARD := build/dashboard/manifest.json
# A test that hangs is a failure, not a wait. Most tests wait more than they compute: left alone, Node runs one file at a time on two cores.
TEST_FLAGS ?= --test-timeout=300000 --test-concurrency=2
# What these measure, memory and delays, others beside them would change.
FAULTS_ALONE := $(addprefix test/faults/,broken-feeds.test.ts memory.test.ts stream-memory.test.ts)

.DEFAULT_GOAL := help
.PHONY: help install servers dashboard screenshot run dev testgen test lint types unit contract integration e2e faults build test-build bench soak bench-peers up down logs ps load-exchanges clean

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/\1\t\2/' | expand -t 16

# Not `npm ci`: it refuses a lock file that lacks optional packages of other platforms, which not every registry has.
$(STAMP): package-lock.json
	npm install --no-save --no-audit --no-fund
	@$(NODE) --version
	@touch $@

install: $(STAMP) ## install what the project needs, Node 24 included, into node_modules

servers: ## PostgreSQL, Redis and Chromium from Debian for the tests to start themselves; installs what is missing (root)
	@test/harness/install-servers.sh

$(DASHBOARD): $(STAMP) deployments/build-dashboard.ts $(shell find internal/adapter/in/http/dashboard/page -type f) internal/domain/model/interval-text.ts pkg/concurrency/backoff.ts
	@$(NODE) deployments/build-dashboard.ts

dashboard: $(DASHBOARD) ## build/dashboard: the page that / serves, when its sources have changed

screenshot: $(DASHBOARD) ## the picture of the dashboard that the README shows
	$(NODE) deployments/screenshot-dashboard.ts

run: $(STAMP) $(DASHBOARD) ## start MarketFlow in test mode with the built-in exchanges; ARGS="--port 9000" passes flags
	@$(NODE) cmd/marketflow/main.ts $(ARGS)

dev: $(STAMP) $(DASHBOARD) ## the same, started again at each change of a source file
	$(BIN)/tsx watch cmd/marketflow/main.ts $(ARGS)

testgen: $(STAMP) ## start three emulated exchanges on ports 40101 to 40103
	@$(NODE) cmd/testgen/main.ts --exchange exchange1=40101,exchange2=40102,exchange3=40103 $(ARGS)

test: servers lint types unit contract integration e2e faults test-build ## everything below: what CI runs

lint: $(STAMP) ## format, lint, unused files and exports
	npm run --silent lint

types: $(STAMP) ## TypeScript, strict
	$(BIN)/tsc --noEmit
	$(BIN)/tsc --noEmit --project internal/adapter/in/http/dashboard/page

unit: $(STAMP) ## unit and property tests, beside the code, and the architecture test
	$(NODE) --test $(TEST_FLAGS) 'pkg/**/*.test.ts' 'internal/**/*.test.ts' 'cmd/**/*.test.ts' test/architecture.test.ts

contract: $(STAMP) servers ## one suite per port, over each of its adapters
	$(NODE) --test $(TEST_FLAGS) 'test/contract/*.test.ts'

integration: $(STAMP) servers ## several real parts together
	$(NODE) --test $(TEST_FLAGS) 'test/integration/*.test.ts'

e2e: $(STAMP) $(DASHBOARD) servers ## the real process over real sockets
	$(NODE) --test $(TEST_FLAGS) 'test/e2e/*.test.ts'

faults: $(STAMP) servers ## kill -9, full disk, frozen and flooding feeds; the books must balance after each
	$(NODE) --test $(TEST_FLAGS) $(filter-out $(FAULTS_ALONE),$(wildcard test/faults/*.test.ts))
	$(NODE) --test $(TEST_FLAGS) --test-concurrency=1 $(FAULTS_ALONE)

build: $(STAMP) $(DASHBOARD) ## build/marketflow: one file that runs without Node
	$(NODE) deployments/build-executable.ts

test-build: build ## the single file starts in an empty folder with an empty environment, and answers
	$(NODE) --test $(TEST_FLAGS) 'test/build/*.test.ts'

bench: $(STAMP) ## measure everything that the README claims; a table and JSON lines
	$(NODE) test/bench/main.ts

soak: $(STAMP) ## 12 minutes at 100,000 ticks/s: does memory grow
	$(NODE) test/bench/soak.ts

bench-peers: $(STAMP) ## ingest beside QuestDB, where Java is installed
	$(NODE) test/bench/peers.ts

up: ## everything in containers: MarketFlow in live mode, Redis, TimescaleDB, three exchanges; then localhost:8080
	@deployments/compose.sh up

down: ## stop the containers; their data stay
	@deployments/compose.sh down

logs: ## what the containers say
	@deployments/compose.sh logs

ps: ## how the containers are
	@deployments/compose.sh ps

load-exchanges: ## the original exchange images, from the archives in sources/
	@deployments/compose.sh load-exchanges

clean: ## remove what was built and installed
	rm -rf build node_modules
