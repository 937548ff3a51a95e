# Every target calls the launcher, which makes the environment and brings the servers up by itself.
# The lines after `##` are what `make help` prints.

PYTHON3 ?= python3
LAUNCH = @$(PYTHON3) -m launch

.DEFAULT_GOAL := help
.PHONY: help demo serve test check bench promises chaos compare manage messages compile lock pictures

help: ## Print this
	@echo "Tambour. All that is needed: python3 (3.11 or newer), make, git."; echo
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1 \t\2/p' $(MAKEFILE_LIST) | expand -t 18

demo: ## Tell the whole story once, then serve it (EXIT=1 stops instead; PORT=… chooses the port)
	$(LAUNCH) demo

serve: ## Run the site, the workers and the clock until Ctrl-C (PORT=…, DEBUG=1)
	$(LAUNCH) serve

test: ## Run the guards and every test (ARGS='…' goes to pytest)
	$(LAUNCH) test

check: ## Run the guards alone: ruff, import-linter, mypy, djlint, migrations, settings
	$(LAUNCH) check

bench: ## Measure the figures that the README quotes
	$(LAUNCH) bench

promises: ## Run the property and race tests at full length
	$(LAUNCH) promises

chaos: ## Send to 20,000 people, twice, while everything dies around it (ARGS='--seed 7 --people 2000')
	$(LAUNCH) chaos

compare: ## Send the same job with a peer from its package, side by side (needs the network once)
	$(LAUNCH) compare

manage: ## Run a management command with the servers up: make manage CMD='check'
	$(LAUNCH) manage

messages: ## Collect the texts to translate into config/locale (needs the gettext tools)
	$(LAUNCH) messages

compile: ## Turn the translated texts into the files that Django reads
	$(LAUNCH) compile

lock: ## Resolve the packages of pyproject.toml again and write requirements/
	$(LAUNCH) lock

pictures: ## Take the pictures of README and docs again, while `make demo` runs in another terminal
	$(LAUNCH) pictures

export EXIT PORT CMD ARGS
