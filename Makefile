# Needs Python 3.11 or newer and make; each target installs what else it needs.
.DEFAULT_GOAL := help
.PHONY: help run kill follow test test-% test-browser test-slow test-postgres test-replicas schemathesis lint lint-% audit-dependencies sbom pin-images secrets roll-keys certificate backup restore restore-drill compose-check compose-trial production-drill
.PHONY: client new-service example-hotel e2e coverage format pictures lock check-locks dist chaos chaos-upgrade chaos-recovery chaos-engine chaos-provider last-seat overload matrix spec mutants bench bench-compare bench-growth bench-replicas
.PHONY: bench-footprint bench-memory bench-start bench-goals bench-kinds bench-pages bench-booked profile clean

# Options for pytest: make test-backend ARGS="-k seat -x"
ARGS ?=
python = $(shell PYTHON="$(PYTHON)" scripts/python)
scripts = $(if $(python),$(python),false) -m scripts

help: ## This list
	@awk -F ':.*## ' '/^[a-z0-9%-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## Start the suite in demo mode; Ctrl-C stops it (UI_PORT=, BACKEND_PORT=, LOYALTY_PORT=, PAYMENT_PORT=, DATA_DIR=)
	@$(scripts).run

kill: ## SIGKILL all services of a running suite at once; its make run restarts them (DATA_DIR=)
	@$(scripts).kill

follow: ## Log lines of all services for one correlation id: ID=
	@$(scripts).follow "$(ID)"

backup: ## Copies of the four databases, while the suite runs: TO=folder, by default a new one in backups/ (DATA_DIR=, OVERWRITE=1)
	@$(scripts).environment runtime && .venv/bin/python -m scripts.backups.backup

restore: ## Put a back-up in the place of the databases of a stopped suite: FROM=folder ONLY=payment,loyalty OVERWRITE=1
	@$(scripts).environment runtime && .venv/bin/python -m scripts.backups.restore

restore-drill: .venv-dev ## Restore services to different moments under load, and settle what disagrees: BOOKINGS=200 DB=postgres
	@BOOKINGS="$(BOOKINGS)" DB="$(DB)" .venv/bin/python -m proofs.e2e.restoring $(ARGS)

test: .venv-dev ## The everyday tests, end to end included; the longer ones are the next targets
	@$(scripts).check test -- $(ARGS)

test-%: .venv-dev ## One suite: sagas, kit, backend, payment, loyalty, ui, template, scripts, bench, chaos, spec, mutants, checker, conformance, e2e; ARGS="-k name"
	@$(scripts).check test $* -- $(ARGS)

test-browser: .venv-dev ## The pages in a real Chromium, and each way it repeats a payment; ARGS="-k name"
	@$(scripts).check slow browser -- $(ARGS)

test-slow: .venv-dev ## What takes minutes: test-browser, faults at every point, access in every role, ten times the load, restores; NAMES="crash chaos" ARGS="-k name"
	@$(scripts).check slow $(NAMES) -- $(ARGS)

test-postgres: .venv-dev ## Tests of packages and services on PostgreSQL, the backend's with each engine; NAMES="ui kit" ARGS="-k name"
	@$(scripts).postgres test $(NAMES) -- $(ARGS)

test-replicas: .venv-dev ## Replicas on PostgreSQL, one of each killed; then a suite whose PostgreSQL fails
	@$(scripts).postgres replicas -- $(ARGS)

schemathesis: .venv-dev ## Test the data services against their OpenAPI schemas (ARGS="-n 1000" for more cases)
	@$(scripts).contract $(or $(ARGS),-n 120)

client: .venv-dev ## A Python client of a data service, generated from its OpenAPI schema: SERVICE=backend|payment|loyalty
	@$(scripts).client $(or $(SERVICE),backend)

new-service: .venv-dev ## Make NAME-service, a participant that reserves a THING: NAME=hotel THING=room
	@NAME="$(NAME)" THING="$(THING)" $(scripts).new_service

example-hotel: .venv-dev ## Add a fifth step to a copy of the suite, as examples/hotel shows it, and book with it: DB=postgres
	@DB="$(DB)" .venv/bin/pytest examples/hotel/test_fifth_step.py $(ARGS)

e2e: .venv-dev ## Tests against whole suites only, which they start: the end-to-end script, the README, access, alarms, runbooks
	@$(scripts).check e2e -- $(ARGS)

mutants: .venv-dev ## Plant known bugs one at a time; the tests must find each (ARGS="-k name")
	@.venv/bin/python -m proofs.mutants $(ARGS)

mutants-crash: .venv-dev ## Plant those that a crash test has to find by itself (ARGS="-k name")
	@.venv/bin/python -m proofs.mutants --crash $(ARGS)

secrets: ## Make secrets for the compose file, in ./secrets
	@$(scripts).environment runtime && .venv/bin/python -m scripts.make_secrets

roll-keys: ## The services' signing keys: STEP=publish, then sign, then drop, a deployment after each (SERVICE=backend SECRETS_DIR=)
	@$(scripts).environment runtime && .venv/bin/python -m service_kit.key_files "$(STEP)" "$(or $(SECRETS_DIR),secrets)" $(SERVICE)

certificate: ## Make a certificate that signs itself, to try TLS with, in ./secrets: HOST=book.example.com
	@HOST="$(HOST)" $(scripts).make_certificate

compose-check: .venv-dev ## Validate the compose file, lint the Dockerfile, build and start the images, with the tools that are installed
	@$(scripts).containers

compose-trial: .venv-dev ## Book through running containers, kill each, book again (ARGS=--again: book only; ARGS=--while-booking: kill backends under bookings)
	@.venv/bin/python -m scripts.compose_trial $(ARGS)

production-drill: .venv-dev ## Deploy a fresh clone for production, book, restart all, roll a key, back up, restore (needs Docker; ports 80, 443, 3000, 9090, 9093)
	@.venv/bin/python -m scripts.drill $(ARGS)

matrix: .venv-dev ## Crash at every point of a saga and of its recovery: DB=postgres PAIRS=200 EXAMPLES=1000 SEED=
	@DB="$(DB)" PAIRS="$(PAIRS)" EXAMPLES="$(EXAMPLES)" SEED="$(SEED)" \
		.venv/bin/python -m proofs.matrix $(ARGS)

spec: .venv-dev ## Check the specification in TLA+, and that its planted faults are found (needs java; ARGS="--only faults --show")
	@.venv/bin/python -m proofs.spec $(ARGS)

chaos: .venv-dev ## Random kills, network and database faults under load, then the checker: DB=postgres ENGINE=procrastinate SEED= SECONDS= PROFILE=nightly PARTS=60
	@.venv/bin/python -m proofs.chaos $(if $(SEED),--seed "$(SEED)") $(if $(SECONDS),--seconds $(SECONDS)) \
		$(if $(DB),--db $(DB)) $(if $(ENGINE),--engine $(ENGINE)) $(if $(PROFILE),--profile $(PROFILE)) \
		$(if $(PARTS),--parts $(PARTS)) $(if $(PART),--part $(PART)) $(ARGS)

chaos-upgrade: .venv-dev ## Rolling deploys of a release with other steps and back, under load and faults: DB=postgres ENGINE=procrastinate SEED= SECONDS=
	@$(MAKE) --no-print-directory chaos PROFILE=upgrade

chaos-recovery: .venv-dev ## Time to recover OPEN=100 sagas after all orchestrators are killed: DB=postgres ENGINE=procrastinate
	@.venv/bin/python -m proofs.chaos.recovery $(if $(OPEN),--open $(OPEN)) $(if $(DB),--db $(DB)) \
		$(if $(ENGINE),--engine $(ENGINE)) $(ARGS)

chaos-engine: .venv-dev ## How soon an engine works as before after each fault of PostgreSQL and of its workers: ENGINE=procrastinate
	@.venv/bin/python -m proofs.chaos.engine $(if $(ENGINE),--engine $(ENGINE)) $(ARGS)

last-seat: .venv-dev ## 200 buyers for one seat, of which exactly one gets it: ROUNDS=20 BUYERS=200 FLIGHTS=3 DB=postgres
	@.venv/bin/python -m proofs.chaos.last_seat $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(BUYERS),--buyers $(BUYERS)) \
		$(if $(FLIGHTS),--flights $(FLIGHTS)) $(if $(DB),--db $(DB)) $(ARGS)

chaos-provider: .venv-dev ## 1,000 sagas paid through Stripe's API while a quarter of its calls fail: SAGAS=1000 SEED= DB=postgres
	@.venv/bin/python -m proofs.chaos.provider $(if $(SAGAS),--sagas $(SAGAS)) $(if $(SEED),--seed $(SEED)) \
		$(if $(DB),--db $(DB)) $(ARGS)

overload: .venv-dev ## Ten times the peak load: SECONDS=120 DB=postgres ONLY=bare|proxy
	@.venv/bin/python -m proofs.chaos.overload $(if $(SECONDS),--seconds $(SECONDS)) $(if $(DB),--db $(DB)) \
		$(if $(ONLY),--only $(ONLY)) $(ARGS)

coverage: .venv-dev ## All tests, with branch coverage of each package
	@$(scripts).check test -- --cov $(ARGS)

lint: .venv-dev ## ruff, mypy --strict, import-linter, detect-secrets
	@$(scripts).check lint

lint-%: .venv-dev
	@$(scripts).check lint $*

audit-dependencies: .venv-dev ## Known vulnerabilities of the locked dependencies (needs the network)
	@$(scripts).dependencies $(ARGS)

sbom: .venv-dev ## Software bill of materials of each image: CycloneDX JSON in build/sbom/
	@.venv/bin/python -m scripts.sbom

pin-images: ## Write the digests of base images into Dockerfile and compose file (needs Docker and the network; ARGS=--check)
	@$(scripts).images $(ARGS)

dist: .venv-dev ## Wheel and sdist of django-sagas in dist/, checked as a package index checks them
	@rm -rf dist
	@.venv/bin/python -m build --no-isolation --outdir dist packages/django-sagas
	@.venv/bin/twine check --strict dist/*

format: .venv-dev ## Format the code and apply ruff's fixes
	@.venv/bin/ruff check --fix-only --quiet .
	@.venv/bin/ruff format .

pictures: .venv-dev ## Draw the sagas in README and docs as they are defined
	@cd backend-service && DEMO_MODE=1 ../.venv/bin/python manage.py sagas_picture --here backend ../README.md ../docs/*.md

lock: .venv-dev ## Compile requirements/*.in to pinned versions (ARGS=--upgrade: the newest)
	@$(scripts).lock $(ARGS)

check-locks: ## Check that this Python's own pip can install the locks
	@$(scripts).check_locks

bench: .venv-dev ## Cost of a booking beside baselines: ROUNDS= SECONDS= CLIENTS= BENCH_DB=postgres ENGINES=1
	@$(if $(ENGINES),$(scripts).environment bench)
	@.venv/bin/python -m bench $(ARGS)

bench-compare: .venv-dev ## Cost of a booking beside another revision: BASE=HEAD~5
	@$(scripts).environment bench
	@BASE="$(or $(BASE),HEAD)" .venv/bin/python -m bench $(ARGS)

bench-growth: .venv-dev ## Bookings and reads with 1,000,000 finished sagas and flights: DB=postgres
	@.venv/bin/python -m bench.growth $(if $(DB),--db $(DB)) $(ARGS)

bench-replicas: .venv-dev ## 1 backend and 1 worker beside 2 and 2, on PostgreSQL (ARGS="--slow 1")
	@.venv/bin/python -m bench.replicas $(ARGS)

bench-footprint: .venv-dev ## Rows, bytes, WAL and connections of a booking on PostgreSQL
	@.venv/bin/python -m bench.footprint $(ARGS)

bench-kinds: .venv-dev ## CPU of a trip of two flights and of a worker's booking, beside one flight, on PostgreSQL
	@.venv/bin/python -m bench.kinds $(ARGS)

bench-memory: .venv-dev ## Memory over 100,000 bookings: DB=postgres
	@.venv/bin/python -m bench.memory $(if $(DB),--db $(DB)) $(ARGS)

bench-start: .venv-dev ## Seconds from make run to ready in a fresh copy, first and second time
	@.venv/bin/python -m bench.start

bench-goals: .venv-dev ## The goals beside the latest measurements
	@.venv/bin/python -m bench.goals

bench-pages: .venv-dev ## Time of each page with 100,000 flights and sagas; fails over 50 ms (ARGS="--sagas 1000000")
	@.venv/bin/python -m bench.pages $(ARGS)

bench-booked: .venv-dev ## Time from Pay to "Booked" in a Chromium, 20 times; fails over 1 s (ARGS="--times 100")
	@.venv/bin/python -m bench.booked $(ARGS)

profile: .venv-dev ## Flame graphs of the three data services under load (py-spy)
	@.venv/bin/python -m bench.profile $(ARGS)

clean: ## Remove the environment, the caches and the databases of demo runs
	@rm -rf .venv var dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: .venv-dev
.venv-dev:
	@$(scripts).environment dev
