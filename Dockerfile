# Images of the steps, one target a role; now: data. Built with any builder from the repository's root:
#   docker build --target data --tag causeway/data:0.1.0 .
# The base image's name is an argument, so that an air-gapped site names its own.
ARG BASE=python:3.11-slim

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
