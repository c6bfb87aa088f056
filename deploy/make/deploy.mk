# What stands in deploy/ to run the service elsewhere, checked by the programs that will read it.
.PHONY: test-deploy image

test-deploy: setup ## container, Kubernetes, systemd, nginx, Prometheus: checked by promtool, nginx, systemd-analyze where they are
	@$(BIN)/python -m pytest -q tests/deploy $(ARGS)

image: ## the container's image, by podman or docker
	@$$(command -v podman || command -v docker) build -f deploy/container/Containerfile -t taizhang $(ARGS) .
