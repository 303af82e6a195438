# Images of the steps and the server, one target a role; now: data, serve. Built with any builder from the repository's root:
#   docker build --target data --tag causeway/data:0.1.0 .
# The base image's name is an argument, so that an air-gapped site names its own.
ARG BASE=python:3.11-slim
# `serve` alone: an image of Python 3.11 that has torch 2.13 already (built for the CPU, or a site's own for GPUs).
# Where it has none, the lock's torch comes in, with CUDA and 5 GB.
ARG TORCH_BASE=${BASE}

# --- what every role needs: the code and kfp without its dependencies (a component's entry point needs no more) ---
FROM ${BASE} AS base
# the builder's own certificate authorities count: a mirror inside a company has no public certificate
ENV UV_SYSTEM_CERTS=1 SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
RUN pip install --no-cache-dir --disable-pip-version-check uv
WORKDIR /app
COPY pyproject.toml requirements.lock ./
RUN uv pip install --system --no-cache --no-deps kfp==2.17.0

# --- the lock, cut down to one role's extra ---
FROM base AS data-requirements
RUN uv pip compile --quiet --extra data --constraint requirements.lock --generate-hashes \
    --no-header --no-annotate --output-file data.lock pyproject.toml \
    && uv pip install --system --no-cache --require-hashes --requirement data.lock

FROM data-requirements AS data
COPY causeway causeway
COPY feature_repo feature_repo
ENV PYTHONPATH=/app PYTHONDONTWRITEBYTECODE=1 HOME=/tmp CAUSEWAY_CACHE=/tmp/causeway TQDM_DISABLE=1
USER 1000:1000

# --- the model server: KServe and what a policy needs, without what only training does ---
FROM ${TORCH_BASE} AS serve-requirements
ENV UV_SYSTEM_CERTS=1 SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
RUN pip install --no-cache-dir --disable-pip-version-check uv
WORKDIR /app
COPY pyproject.toml requirements.lock ./
RUN uv pip compile --quiet --extra serve --extra train --constraint requirements.lock --generate-hashes \
    --no-header --no-annotate --no-emit-package deepspeed --output-file serve.lock pyproject.toml
RUN if python -c "import torch" 2>/dev/null; then drop='^(torch|triton|nvidia-|cuda-)'; else drop='^$'; fi; \
    awk -v drop="$drop" '/^[a-z]/ {kept = $0 !~ drop} kept' serve.lock > kept.lock \
    && uv pip install --system --no-cache --no-deps --require-hashes --requirement kept.lock

FROM serve-requirements AS serve
COPY causeway causeway
ENV PYTHONPATH=/app PYTHONDONTWRITEBYTECODE=1 HOME=/tmp CAUSEWAY_CACHE=/tmp/causeway OMP_WAIT_POLICY=PASSIVE
USER 1000:1000
# It answers other machines, so it wants tokens (the variable CAUSEWAY_TOKENS, or --tokens FILE) or --without-tokens.
CMD ["python", "-m", "causeway.serving.server", "--policy", "/mnt/models", "--host", "0.0.0.0"]
