# What a person types. `make` alone lists the targets.
PYTHON ?= python3.11
# A file that chooses another build of torch and torchvision, e.g. for another CUDA driver.
TORCH_REQUIREMENTS ?= envs/torch.txt
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Snakemake with a line a stage on the screen; --logger finds the plugin on Python's path.
SNAKEMAKE := PYTHONPATH="$(CURDIR)/scripts$${PYTHONPATH:+:$$PYTHONPATH}" snakemake --logger betrayed --cores all
# Signs that mean something to make itself.
, := ,
space := $() $()
define newline


endef
.PHONY: help demo plan test test-fast test-property test-faults test-gpu lint segment report score docs lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: .venv/ready ## find the objects in the made videos, score them, and show the tables
	@$(SNAKEMAKE)
	@python scripts/print_summary.py --tables results/tables --benchmarks results/benchmarks --pictures results/pictures
	@echo "Report:   make report writes results/report.html: all of this, and a player of each video"

# What is typed with a target: of another name, which would change nothing, the target would run
# without a word. Names with _ are for the environment of what runs, such as DAVIS2016_ROOT.
takes-demo :=
takes-segment := VIDEOS QUALITY START END STEP HEIGHT BLOCK FORMATS CONFIG
takes-report := VIDEOS CONFIG
takes-plan := VIDEOS CONFIG
takes-score := TRUTH MASKS SPLIT OUTPUT OPTIONS
# What is typed would be in the environment of all that runs, and $(shell ...) in it be run for that.
typed-names := $(sort $(foreach goal,demo segment report plan score,$(takes-$(goal))))
unexport $(foreach name,$(typed-names),$(if $(filter command line,$(origin $(name))),$(name)))
unknown = $(strip $(foreach name,$(.VARIABLES),$(if $(filter command line,$(origin $(name))),$(if $(findstring _,$(name)),,$(filter-out PYTHON PATH HOME TMPDIR LANG SHELL $(takes-$1),$(name))))))
$(foreach goal,$(filter demo segment report plan score,$(MAKECMDGOALS)),$(if $(call unknown,$(goal)),\
	$(error make $(goal) knows no $(addsuffix =,$(call unknown,$(goal))). $(if $(takes-$(goal)),It knows $(addsuffix =,$(takes-$(goal))): correct the name$(,) or leave it out,Leave it out))))
# A line break would end the shell's command in the middle of a word.
$(foreach name,$(sort $(foreach goal,$(MAKECMDGOALS),$(takes-$(goal)))),$(if $(findstring $(newline),$(value $(name))),\
	$(error $(name)= holds a line break: leave it out$(,) or rename the file or folder)))

# What was typed behind NAME=, as one word for the shell: spaces, quotes and dollars stay, and ~ is
# home, which not every shell says itself behind a "=".
typed = "$$(set -- '$(subst ','\'',$(value $1))'; case "$$1" in '~' | '~/'*) printf %s "$$HOME$${1\#'~'}" ;; *) printf %s "$$1" ;; esac)"

# The settings that are typed behind `make segment`, as a configuration. `make report` and `make plan`
# of videos read what was typed last, so that they are of the same results.
TYPED = results/segment.yaml
option = $(if $(value $1),--$1=$(call typed,$1))
# FORMATS=coco,mots, with spaces or commas between; a quote stays one, for the checks.
formats = $(subst ','\'',$(subst $(space),$(,),$(strip $(subst $(,), ,$(value FORMATS)))))
# A word as it is typed again: in quotes where a shell would take it for something else.
quoted = $$(printf %s $(call typed,$1) | sed "/[^A-Za-z0-9_.\/+-]/{s/'/'\\\\''/g; s/.*/'&'/}")
# A file of settings that cannot be read is named; Snakemake would show where it fails in the code.
own = $(if $(value CONFIG),$(call typed,CONFIG))
readable = $(if $(strip $1$(value CONFIG)),@python scripts/check_settings.py -- $1 $(own))
last = $(if $(value VIDEOS),$(wildcard $(TYPED)))
overlays = presets/videos.yaml $(if $1,$(TYPED),$(last)) $(own)

# From the writing of what is typed to the end of the run no other may write it: Snakemake claims the
# folder only when it has planned. Where there are no locks, or no flock, it goes on without.
alone = { mkdir -p .snakemake && exec 9>.snakemake/segment; } 2>/dev/null || true; \
	flock -n -E 9 9 2>/dev/null || test $$? != 9 || { echo "error: Another snakemake is at work in this folder. Wait until it has finished, or work in another clone." >&2; exit 1; }

segment: .venv/ready ## masks and overlays for your own videos: make segment VIDEOS=folder [QUALITY=draft] [START=s END=s STEP=n HEIGHT=n] [BLOCK=file] [FORMATS=coco,mots] [CONFIG=file.yaml]
	@test -n $(call typed,VIDEOS) || { echo "error: say where your videos are: make segment VIDEOS=folder" >&2; exit 1; }
	@test -e $(call typed,VIDEOS) || { echo "error: there is no "$(call typed,VIDEOS)". Say where your videos are, a folder or one film here, no address, pattern or list: make segment VIDEOS=folder" >&2; exit 1; }
	$(call readable)
	@$(alone); \
	python scripts/write_typed_settings.py --output $(TYPED) --configfile config.yaml $(call overlays,typed) $(call option,QUALITY) $(call option,START) $(call option,END) $(call option,STEP) $(call option,HEIGHT) $(call option,BLOCK); \
	VIDEOS="$$(realpath -- $(call typed,VIDEOS))" BETRAYED_REPORT="make report VIDEOS=$(call quoted,VIDEOS)$(if $(value CONFIG), CONFIG=$(call quoted,CONFIG))" $(SNAKEMAKE) --configfile $(call overlays,typed) $(if $(formats),--config 'exports={formats: [$(formats)]}' -- all exports)
	@$(if $(formats),echo '$(formats): results/exports')

report: .venv/ready ## one HTML file of the results: make report [VIDEOS=folder] [CONFIG=file.yaml]
	@test -z $(call typed,VIDEOS) || test -e $(call typed,VIDEOS) || { echo "error: there is no "$(call typed,VIDEOS)". Say where your videos are, a folder or one film here, no address, pattern or list, or leave VIDEOS= out" >&2; exit 1; }
	$(call readable,$(last))
	@$(if $(value VIDEOS),VIDEOS="$$(realpath -- $(call typed,VIDEOS))") $(SNAKEMAKE) report_html $(if $(value VIDEOS),--configfile $(overlays),$(if $(value CONFIG),--configfile $(call typed,CONFIG)))
	@echo "The report: results/report.html"

planned = $(if $(value VIDEOS),--configfile $(overlays),$(if $(value CONFIG),--configfile $(call typed,CONFIG)))
plan: .venv/ready ## what a run would compute, and what is up to date: make plan [VIDEOS=folder] [CONFIG=file.yaml]
	@test -z $(call typed,VIDEOS) || test -e $(call typed,VIDEOS) || { echo "error: there is no "$(call typed,VIDEOS)". Say where your videos are, a folder or one film here, no address, pattern or list, or leave VIDEOS= out" >&2; exit 1; }
	$(call readable,$(last))
	@$(if $(value VIDEOS),export VIDEOS="$$(realpath -- $(call typed,VIDEOS))"; )snakemake --cores all --summary $(planned) | python scripts/show_plan.py $(planned)

score: .venv/scorer ## score masks that any method made: make score TRUTH=folder MASKS=folder
	@test -e $(call typed,TRUTH) && test -e $(call typed,MASKS) || { echo "error: say what to score: make score TRUTH=folder MASKS=folder [SPLIT=file] [OUTPUT=folder] [OPTIONS='--kind foreground']" >&2; exit 1; }
	@python scripts/score_folder.py --truth=$(call typed,TRUTH) --masks=$(call typed,MASKS) $(if $(value SPLIT),--split=$(call typed,SPLIT)) --output=$(if $(value OUTPUT),$(call typed,OUTPUT),scores) $(OPTIONS)

test: .venv/ready lint ## the tests, and the lint and format checks; without test-property and test-faults
	OMP_NUM_THREADS=1 pytest -m "not property and not faults" --numprocesses 3 --dist loadfile --no-loadscope-reorder

test-fast: .venv/ready ## the tests that together take a minute
	OMP_NUM_THREADS=1 pytest -m fast --numprocesses 2 --dist loadfile

test-property: .venv/ready ## hundreds of odd films, masks and files of results, others each time
	OMP_NUM_THREADS=1 pytest -m property --numprocesses 2 --dist load

test-faults: .venv/ready ## what docs/faults.md says, done once more: root, half an hour
	OMP_NUM_THREADS=1 pytest -m faults tests/workflow/test_broken_runs.py

test-gpu: .venv/ready ## the tests that need a GPU; an error where there is none
	@python -c "import torch; raise SystemExit(not torch.cuda.is_available())" || { echo "error: torch sees no GPU (see docs/machines.md)" >&2; exit 1; }
	pytest -m gpu tests/gpu tests/io

lint: .venv/ready ## lint and format checks
	ruff check .
	ruff format --check .
	PYTHONPATH=scripts lint-imports --no-cache --no-logo
	snakefmt --check Snakefile rules
	snakemake --lint

docs: .venv/ready ## the documentation as a site: site/index.html
	python docs/tools/settings_reference.py
	python docs/tools/drawings.py
	python docs/tools/file_list.py
	python docs/tools/odd_inputs.py
	python docs/tools/notebook.py
	NO_MKDOCS_2_WARNING=1 mkdocs build --quiet --strict --clean

lock: ## make the locked requirements anew (needs uv)
	envs/lock.sh

clean: ## delete everything computed; resources (weights, made videos) stay
	rm -rf results

# The marker names what was installed; a second run finds it newer than the lists and does nothing.
.venv/ready: envs/requirements.txt $(TORCH_REQUIREMENTS)
	$(PYTHON) -m venv .venv
	pip install --quiet $(if $(filter envs/torch.txt,$(TORCH_REQUIREMENTS)),--no-deps --require-hashes) --requirement $(TORCH_REQUIREMENTS)
	pip install --quiet --no-deps --require-hashes --requirement envs/requirements.txt
	touch $@

# Scoring needs no deep-learning stack; where that is installed already nothing is done.
.venv/scorer: envs/requirements.txt
	test -e .venv/ready || $(PYTHON) -m venv .venv
	test -e .venv/ready || pip install --quiet --no-deps --require-hashes --requirement envs/requirements.txt
	touch $@
