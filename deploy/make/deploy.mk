# What stands in deploy/ to run the service elsewhere, checked by the programs that will read it.
.PHONY: setup-deploy test-deploy setup-image image test-image

setup-deploy: setup ## what test-deploy asks: schemas in .venv; the programs are installed where this is CI as root
	@$(BIN)/python deploy/setup_extra.py deploy
	@sh deploy/programs.sh promtool=prometheus prometheus=prometheus nginx=nginx-light systemd-analyze=systemd openssl=openssl
	@sh deploy/programs.sh pgbackrest=pgbackrest pg_lsclusters=postgresql || : # without them their tests are skipped, and say so

test-deploy: setup-deploy ## container, Kubernetes, systemd, nginx, Prometheus: checked by the programs that read them (ARGS="-k name")
	@$(BIN)/python -m pytest -q -m deploy tests/deploy $(ARGS)

image: ## the container's image, by podman, docker or buildah
	@$$(command -v podman || command -v docker || command -v buildah) build -f deploy/container/Containerfile -t taizhang $(ARGS) .

setup-image: setup
	@sh deploy/programs.sh buildah=buildah mmdebstrap=mmdebstrap setpriv=util-linux

test-image: setup-image ## the image built on Debian's packages, and the service in it: read-only, as nobody of note; as root
	@$(BIN)/python -m pytest -q -m image tests/deploy $(ARGS)
