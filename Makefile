# All tasks of the tracker. `make` lists them.
# Settings are environment variables: `TRACKER_PORT=8001 make up` and `make up TRACKER_PORT=8001` are the same.

VENV := .venv/bin
# Any Python 3 can run the bootstrap, which looks for one that is new enough (or takes PYTHON=…).
ANY_PYTHON = $(or $(PYTHON),$(shell for p in python3 python3.12 python3.11 python3.13 python3.14; do $$p -c '' 2>/dev/null && echo $$p && break; done),python3)
export PYTHON

.DEFAULT_GOAL := help
# Every target that `make help` lists is phony: none is a file.
.PHONY: $(shell sed -n 's/^\([a-z0-9-]*\):.*\#\# .*/\1/p' $(firstword $(MAKEFILE_LIST)))

##@ Every day

# FLOWER=1: Flower too, on 5555 or the next free port, unless TRACKER_FLOWER_PORT names one.
up: environment ## start everything on this machine; Ctrl-C stops it; FLOWER=1: with Flower
	@$(if $(filter-out 0 no off,$(FLOWER)),TRACKER_FLOWER_PORT="$${TRACKER_FLOWER_PORT:-on}") exec $(VENV)/python -m deploy.embedded

down: environment ## stop the stack of TRACKER_DATA_DIR
	@$(VENV)/python -m deploy.embedded.control down

status: environment ## the processes of the stack
	@$(VENV)/python -m deploy.embedded.control status

# make key KEY="--scope ingest --name laptop"; without KEY, an admin's first key.
KEY ?= --scope admin
key: environment ## make an API key in the running stack and show it, this once
	@$(VENV)/python -m deploy.embedded.control run deploy.keys create $(KEY)

backup: environment ## copy the running stack's data to a new folder, TO=… (default: beside the data, named by the time)
	@$(VENV)/python -m deploy.embedded.backups.backup "$(TO)"

restore: environment ## make the data folder out of a backup, FROM=…; then `make up`
	@$(VENV)/python -m deploy.embedded.backups.restore "$(FROM)"

test: environment ## all tests, one more at a time than there are processors
	$(VENV)/python -m pytest -n auto

test-long: environment ## all tests, with three times the examples of each property (tests/example_counts.py)
	HYPOTHESIS_PROFILE=nightly $(VENV)/python -m pytest -n auto

check: environment ## lint, format, types, import contracts, docs
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy
	$(VENV)/lint-imports
	$(VENV)/python -m pytest tests/docs

##@ The stack on this machine

show-sql: environment ## the query service's statements that are composed of parts, as they run
	@$(VENV)/python -m tests.unit.query.composed_sql

psql: environment ## a shell on the stack's database
	@exec $(VENV)/python -m deploy.embedded.control psql

verify: environment ## recompute every aggregate of the running stack from its rows; exit 1 on a difference; ARCHIVE=yes: read all transcripts
	@$(VENV)/python -m deploy.embedded.control run services.worker.maintenance.verify $(if $(ARCHIVE),--archive)

rebuild: environment ## make every aggregate of the running stack anew from its rows, if `make verify` names a difference
	@$(VENV)/python -m deploy.embedded.control run services.worker.maintenance.rebuild

##@ Containers and clusters

# The containers need Docker and Python 3.11 or later. COMPOSE_PROJECT_NAME and COMPOSE_ENV_FILES select another stack than this folder's.
compose-up: env ## build the images and start the containers, in the background; says when they are ready
	@$(ANY_PYTHON) -m shared.setting_names "$(or $(COMPOSE_ENV_FILES),.env)"
	@docker compose up --detach --build
	@$(ANY_PYTHON) -m deploy.containers.wait

compose-down: ## stop and remove the containers; their volumes stay
	@docker compose down

compose-upgrade: ## build the images and exchange the running containers for new ones, while requests are answered
	@$(ANY_PYTHON) -m shared.setting_names "$(or $(COMPOSE_ENV_FILES),.env)"
	@docker compose build
	@$(ANY_PYTHON) -m deploy.containers.upgrade

compose-psql: ## a shell on the containers' database
	@docker compose exec postgres psql --username=tracker tracker

compose-backup: ## copy the running containers' data to a new folder, TO=… (default: .tracker.backups/compose-…)
	@$(ANY_PYTHON) -m deploy.containers.backup "$(TO)"

compose-restore: ## a composed stack out of a backup, FROM=…; its volumes must be new
	@$(ANY_PYTHON) -m deploy.containers.restore "$(FROM)"

logs: ## follow the containers' logs (SERVICE="ingest worker-drain" for some of them)
	@docker compose logs --follow --tail 100 $(SERVICE)

env: ## write .env, the passwords that `docker compose up` needs; TO=… writes another file
	@$(ANY_PYTHON) deploy/secrets_file.py "$(TO)"

k8s-secrets: environment ## make the passwords of deploy/k8s/overlays/single, once, in files beside it that git does not see
	@$(VENV)/python -m deploy.k8s.make_secrets deploy/k8s/overlays/single

##@ More tests

test-browser: environment ## the tests in a real browser (needs apt-get install chromium)
	@command -v chromium > /dev/null || { echo "There is no chromium: apt-get install --no-install-recommends chromium" >&2; exit 1; }
	$(VENV)/python -m pytest -n auto -p no:randomly tests/browser

test-real-client: environment ## the tests with the real Claude Code (TRACKER_TEST_CLAUDE=program, or `claude` on the PATH)
	$(VENV)/python -m pytest tests/real_client -p no:randomly

formats: environment ## what a version of Claude Code writes, and what of it nothing reads, from a real run (CLAUDE=program, or `claude` on the PATH)
	TRACKER_TEST_CLAUDE="$(CLAUDE)" $(VENV)/python -m tests.real_client.formats

dashboard-check: dashboard ## check the dashboard's types, and that what is committed is what its sources build (needs npm)
	@[ -z "$$(git status --porcelain -- $(DASHBOARD)/built)" ] || { git status --short -- $(DASHBOARD)/built; \
		echo "What is built differs from what is committed: commit $(DASHBOARD)/built."; exit 1; }

k8s-check: environment ## render deploy/k8s, check it against Kubernetes' schemas and by what they cannot say (needs kustomize)
	@command -v kustomize > /dev/null || { echo "kustomize is not installed; on Debian and Ubuntu: apt install kustomize"; exit 1; }
	@cmp -s tests/k8s/schemas.lock .k8s-schemas/schemas.lock || { $(VENV)/python -m pip install --quiet --upgrade --no-deps --require-hashes \
		--target .k8s-schemas -r tests/k8s/schemas.lock && cp tests/k8s/schemas.lock .k8s-schemas/; }
	$(VENV)/python -m pytest tests/k8s -p no:randomly

monitoring-check: environment ## the alerts, the dashboard and Prometheus against a stack of its own (needs apt-get install prometheus)
	@promtool --version > /dev/null || { echo "There is no promtool: apt-get install --no-install-recommends prometheus" >&2; exit 1; }
	$(VENV)/python -m pytest tests/deploy/monitoring tests/embedded/test_monitoring.py

compose-test: environment ## the containers from build to end: upgrade, kills, imports, backup, restore; every event counted (needs Docker)
	$(VENV)/python -m tests.compose

schemathesis: environment ## 20,000 cases against a stack of its own with API keys (CASES="--cases 1000 --url http://127.0.0.1:8000")
	$(VENV)/python -m tests.integration.many_cases $(or $(CASES),--cases 20000 --keys)

fuzz: environment ## feed every parser with the unexpected, 10 minutes each (FUZZ="--seconds 60 --only event")
	$(VENV)/python -m tests.fuzz $(FUZZ)

audit: environment ## ask for known vulnerabilities in what requirements.lock names (needs the internet)
	$(VENV)/pip-audit --strict --disable-pip --require-hashes -r requirements.lock --progress-spinner off

##@ Faults and crowds

faults: environment ## every fault under load, then a count of every event; three minutes
	$(VENV)/python -m tests.faults --seed 1 --seconds 1 --at-most-minutes 3 --faults=-redis-half-open,postgres-half-open

faults-each: environment ## each fault at its worst moment, full disks, poison, backups; six minutes, on a machine that does nothing else
	$(VENV)/python -m pytest tests/faults -n 2 --dist loadfile

faults-long: environment ## the same for as long as ARGS say: make faults-long ARGS='--minutes 30 --kills 500'
	$(VENV)/python -m tests.faults --kill-weight 10 --seconds 3 --overlap 0.25 $(ARGS)

faults-power: environment ## cut the power, many times, under load (needs root, loop devices and mkfs.xfs)
	$(VENV)/python -m tests.faults.power $(ARGS)

crowd: environment ## 1,000 connections of mixed clients before a stack of its own, five minutes (CROWD="--connections 200 --seconds 60")
	$(VENV)/python -m tests.crowd $(CROWD)

##@ Measurements

bench: environment ## measure the write path against the machine's own limits, imports with and without the archive, what capture costs here, and the live feed
	$(VENV)/python -m tests.bench.writes
	$(VENV)/python -m tests.bench.imports
	$(VENV)/python -m tests.bench.hook_costs
	$(VENV)/python -m tests.bench.live

bench-imports: environment ## measure the import of transcripts (TRACKER_SAMPLES names the folder that has them)
	$(VENV)/python -m tests.bench.imports

bench-live: environment ## 200 listeners to the live feed at 1,000 events a second
	$(VENV)/python -m tests.bench.live

bench-reads: environment ## measure every read endpoint at two volumes
	$(VENV)/python -m tests.bench.reads

bench-beside: environment ## import a folder by a whole stack, and in turn by another program: BESIDE="--beside 'agentsview sync'"
	$(VENV)/python -m tests.bench.beside $(BESIDE)

bench-idle: environment ## measure what an idle `make up` costs, by process; two minutes (IDLE="--settle 60 other-checkout .")
	$(VENV)/python -m tests.bench.idle $(IDLE)

bench-scale: environment ## drain with 1, 2, 4 workers and 1, 4 partitions; SCALE="--url http://…" measures another stack too
	$(VENV)/python -m tests.bench.scale $(SCALE)

##@ What is generated and committed

openapi: environment ## write shared/openapi.json from both services
	$(VENV)/python -m deploy.openapi

reference: environment ## write the pages of docs/reference that the code determines
	$(VENV)/python -m deploy.reference_docs

DASHBOARD := services/query/dashboard
dashboard: environment ## build the dashboard from its sources (needs npm); what it builds is committed
	cd $(DASHBOARD) && npm ci --no-audit --no-fund --loglevel=error && npm run build
	$(VENV)/python -m deploy.pack_dashboard

screenshots: environment ## make the pictures of README and docs/tour.md from the samples (needs apt-get install chromium)
	$(VENV)/python -m tests.browser.screenshots

IMAGES := ingest query worker flower migrate
lock: ## write requirements.lock, that of Redis and of each image, from pyproject.toml (needs uv)
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--quiet --output-file requirements.lock
	uv pip compile --group redis --no-deps --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--quiet --output-file deploy/embedded/redis.lock
	for image in $(IMAGES); do $(VENV)/python deploy/image_requirements.py $$image | uv pip compile - --constraint requirements.lock \
		--python-version 3.13 --python-platform linux --generate-hashes --no-emit-index-url --no-header --no-annotate \
		--quiet --output-file deploy/requirements/$$image.lock || exit 1; done

##@ This list, and the environment

help: ## this list
	@awk -F ':.*## ' '/^##@ / { print (n++ ? "\n" : "") substr($$0, 5) } /^[a-z0-9-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

environment: ## build .venv from requirements.lock, if it is not up to date
	@$(ANY_PYTHON) deploy/bootstrap.py

clean: ## remove .venv and caches; the data in TRACKER_DATA_DIR stays
	rm -rf .venv .k8s-schemas .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
