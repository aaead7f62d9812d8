# Every verb makes what it needs by itself: Python 3.11 or newer and make are enough.
.DEFAULT_GOAL := help
.PHONY: help run kill follow test test-% test-postgres test-replicas schemathesis lint lint-% audit-dependencies sbom secrets compose-check compose-trial
.PHONY: e2e coverage format lock check-locks chaos chaos-recovery last-seat overload matrix mutants bench bench-compare bench-growth bench-replicas
.PHONY: bench-footprint bench-memory bench-start bench-goals bench-pages profile clean

# Options for pytest: make test-backend ARGS="-k seat -x"
ARGS ?=
python = $(shell PYTHON="$(PYTHON)" scripts/python)
scripts = $(if $(python),$(python),false) -m scripts

help: ## This list
	@awk -F ':.*## ' '/^[a-z0-9%-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## Start everything in demo mode; Ctrl-C ends it (UI_PORT, BACKEND_PORT, ..., DATA_DIR choose another place)
	@$(scripts).run

kill: ## SIGKILL to every service of a running suite at once, as in a power cut; make run starts them again
	@$(scripts).kill

follow: ## What all services said of one saga or request: make follow ID=a-correlation-id
	@$(scripts).follow "$(ID)"

test: .venv-dev ## All tests: kit, services, scripts, end to end
	@$(scripts).check test -- $(ARGS)

test-%: .venv-dev ## One of kit, backend, payment, loyalty, ui, scripts, bench, chaos, mutants, checker, conformance; ARGS="-k name" goes to pytest
	@$(scripts).check test $* -- $(ARGS)

test-postgres: .venv-dev ## The tests of the kit and the four services, the backend's with either engine, on PostgreSQL
	@$(scripts).postgres test -- $(ARGS)

test-replicas: .venv-dev ## Replicas on one PostgreSQL, one of each killed; then a suite whose PostgreSQL fails; the checker after each
	@$(scripts).postgres replicas -- $(ARGS)

schemathesis: .venv-dev ## The data services held against their OpenAPI schemas (ARGS="-n 1000" for more cases)
	@$(scripts).contract $(or $(ARGS),-n 120)

e2e: .venv-dev ## The end-to-end script against a suite of its own
	@$(scripts).check test e2e -- $(ARGS)

mutants: .venv-dev ## Plant known bugs one at a time; the tests must find each (ARGS="-k name")
	@.venv/bin/python -m mutants $(ARGS)

secrets: ## Fresh secrets for the compose file, in ./secrets
	@$(scripts).make_secrets

compose-check: .venv-dev ## Validate the compose file, lint the Dockerfile, build and start the images, as far as tools are here
	@$(scripts).containers

compose-trial: .venv-dev ## Book through what docker compose up -d --wait has started, kill each container, book again (ARGS=--again: book only)
	@.venv/bin/python -m scripts.compose_trial $(ARGS)

matrix: .venv-dev ## A fault at every point, a kill after a kill at every pair: DB=postgres PAIRS=200 EXAMPLES=1000 SEED=
	@DB="$(DB)" PAIRS="$(PAIRS)" EXAMPLES="$(EXAMPLES)" SEED="$(SEED)" \
		.venv/bin/python -m matrix $(ARGS)

chaos: .venv-dev ## Kill and disturb it under load, then check: DB=postgres ENGINE=procrastinate SEED= SECONDS= PROFILE=nightly
	@.venv/bin/python -m chaos $(if $(SEED),--seed "$(SEED)") $(if $(SECONDS),--seconds $(SECONDS)) \
		$(if $(DB),--db $(DB)) $(if $(ENGINE),--engine $(ENGINE)) $(if $(PROFILE),--profile $(PROFILE)) $(ARGS)

chaos-recovery: .venv-dev ## How long OPEN= sagas wait when every orchestrator is killed at once; DB=, ENGINE=
	@.venv/bin/python -m chaos.recovery $(if $(OPEN),--open $(OPEN)) $(if $(DB),--db $(DB)) \
		$(if $(ENGINE),--engine $(ENGINE)) $(ARGS)

last-seat: .venv-dev ## Rounds of 200 buyers for one seat, exactly one of whom may get it: ROUNDS=20 BUYERS=200 DB=postgres
	@.venv/bin/python -m chaos.last_seat $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(BUYERS),--buyers $(BUYERS)) \
		$(if $(DB),--db $(DB)) $(ARGS)

overload: .venv-dev ## Ten times the load that the suite can take, for SECONDS=120; then 50 starts on one thread: DB=postgres
	@.venv/bin/python -m chaos.overload $(if $(SECONDS),--seconds $(SECONDS)) $(if $(DB),--db $(DB)) $(ARGS)

coverage: .venv-dev ## All tests, with branch coverage of each package
	@$(scripts).check test -- --cov $(ARGS)

lint: .venv-dev ## ruff, mypy --strict, import-linter, detect-secrets
	@$(scripts).check lint

lint-%: .venv-dev
	@$(scripts).check lint $*

audit-dependencies: .venv-dev ## Known holes in the locked dependencies; needs a vulnerability service on the network
	@$(scripts).dependencies $(ARGS)

sbom: .venv-dev ## What the services are made of, as CycloneDX JSON in build/sbom.json
	@mkdir -p build
	@.venv/bin/cyclonedx-py requirements requirements/runtime.txt --output-reproducible -o build/sbom.json

format: .venv-dev ## Format the code and mend what ruff can mend
	@.venv/bin/ruff check --fix-only --quiet .
	@.venv/bin/ruff format .

lock: .venv-dev ## Pin requirements/*.in anew; ARGS=--upgrade takes the newest
	@$(scripts).lock $(ARGS)

check-locks: ## The locks, resolved by the pip that comes with this Python
	@$(scripts).check_locks

bench: .venv-dev ## What a booking costs, beside baselines (ROUNDS, SECONDS, CLIENTS, BENCH_DB=postgres, ENGINES=1)
	@$(if $(ENGINES),$(scripts).environment bench)
	@.venv/bin/python -m bench $(ARGS)

bench-compare: .venv-dev ## The same against another revision: make bench-compare BASE=HEAD~5
	@BASE="$(or $(BASE),HEAD)" .venv/bin/python -m bench $(ARGS)

bench-growth: .venv-dev ## Bookings and reads beside 1,000,000 finished sagas and flights: DB=postgres
	@.venv/bin/python -m bench.growth $(if $(DB),--db $(DB)) $(ARGS)

bench-replicas: .venv-dev ## 1 + 1 backends and workers beside 2 + 2 on PostgreSQL (ARGS="--slow 1")
	@.venv/bin/python -m bench.replicas $(ARGS)

bench-footprint: .venv-dev ## Rows, bytes, WAL and connections of a booking on PostgreSQL
	@.venv/bin/python -m bench.footprint $(ARGS)

bench-memory: .venv-dev ## What becomes of the memory over 100,000 bookings: DB=postgres
	@.venv/bin/python -m bench.memory $(if $(DB),--db $(DB)) $(ARGS)

bench-start: .venv-dev ## Seconds from make run to ready in a fresh copy of the tree, first and second time
	@.venv/bin/python -m bench.start

bench-goals: .venv-dev ## The goals beside what was measured last
	@.venv/bin/python -m bench.goals

bench-pages: .venv-dev ## The pages beside 100,000 flights and sagas; fails over 50 ms (ARGS="--sagas 1000000")
	@.venv/bin/python -m bench.pages $(ARGS)

profile: .venv-dev ## Flame graphs of the three services under load, by py-spy
	@.venv/bin/python -m bench.profile $(ARGS)

clean: ## Remove the environment, the caches and the databases of demo runs
	@rm -rf .venv var .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: .venv-dev
.venv-dev:
	@$(scripts).environment dev
