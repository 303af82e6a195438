# Images of the steps and the server, one target a role: data, train, sim, serve, pipelines. `make images` builds them with
# the builder that is there; by hand, from the repository's root:
#   docker build --target data --tag causeway/data:0.1.0 .
# The base images' names are arguments, so that an air-gapped site names its own. What builds (uv, compilers) stays in
# stages that no image is made of; every image runs as user 1000, with a root file system that may be read-only (/tmp is
# where it writes). What an image holds is in it: /usr/local/share/causeway.cdx.json.
ARG BASE=python:3.11-slim
# What `train`, `sim` and `serve` stand on: an image of Python 3.11 that has torch 2.13 already (built for the CPU, or a
# site's own for GPUs). Where it has none, the lock's torch comes in, with CUDA and 5 GB.
ARG TORCH_BASE=${BASE}

# --- the tools: uv, and a script that writes a role's part of the lock; ROLE.lock holds what BEFORE.lock does not ---
FROM ${BASE} AS tools
# the builder's own certificate authorities count: a mirror inside a company has no public certificate
ENV UV_SYSTEM_CERTS=1 SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
RUN pip install --no-cache-dir --disable-pip-version-check --target /opt/uv uv
ENV PATH=/opt/uv/bin:${PATH}
WORKDIR /locks
COPY pyproject.toml requirements.lock scripts/role_lock.py ./
RUN printf 'mlflow-skinny\n' > train.in && printf 'kfp==2.17.0\n' > step.in \
    && python role_lock.py step.lock step.in --only kfp \
    && python role_lock.py data.lock pyproject.toml --extra data \
    && python role_lock.py pipelines.lock pyproject.toml --extra pipelines --without kfp \
    && printf 'grpcio\nprotobuf\nscipy\n' > client.in \
    && python role_lock.py client.lock client.in --after pipelines.lock step.lock \
    && python role_lock.py model.lock pyproject.toml --extra train --without deepspeed ninja hjson py-cpuinfo \
    && python role_lock.py train.lock pyproject.toml train.in --extra train --after model.lock \
    && printf 'scipy\n' > sim.in && python role_lock.py sim.lock pyproject.toml sim.in --extra sim --after model.lock \
    && python role_lock.py serve.lock pyproject.toml --extra serve --after model.lock

# --- no torch: drives to samples ---
FROM tools AS data-packages
RUN uv venv --quiet --python /usr/local/bin/python /opt/causeway && export VIRTUAL_ENV=/opt/causeway \
    && uv pip install --no-cache --no-deps --require-hashes --requirement step.lock --requirement data.lock

FROM ${BASE} AS data
COPY --from=data-packages /opt/causeway /opt/causeway
ENV PATH=/opt/causeway/bin:${PATH} PYTHONPATH=/app PYTHONDONTWRITEBYTECODE=1 HOME=/tmp CAUSEWAY_CACHE=/tmp/causeway \
    TQDM_DISABLE=1 MPLCONFIGDIR=/tmp/matplotlib NUMBA_CACHE_DIR=/tmp/numba
WORKDIR /app
COPY pyproject.toml requirements.lock scripts/sbom.py ./
RUN python sbom.py > /usr/local/share/causeway.cdx.json
COPY causeway causeway
COPY feature_repo feature_repo
USER 1000:1000

# --- no torch: compiles, submits and follows runs and jobs, registers, releases; also the MLflow server ---
FROM tools AS pipelines-packages
RUN printf 'psycopg[binary]\nredis\nsafetensors\n' > stores.in \
    && python role_lock.py stores.lock stores.in --after pipelines.lock step.lock client.lock
RUN uv venv --quiet --python /usr/local/bin/python /opt/causeway && export VIRTUAL_ENV=/opt/causeway \
    && uv pip install --no-cache --no-deps --require-hashes --requirement step.lock \
        --requirement pipelines.lock --requirement client.lock --requirement stores.lock

FROM ${BASE} AS pipelines
COPY --from=pipelines-packages /opt/causeway /opt/causeway
ENV PATH=/opt/causeway/bin:${PATH} PYTHONPATH=/app PYTHONDONTWRITEBYTECODE=1 HOME=/tmp CAUSEWAY_CACHE=/tmp/causeway
WORKDIR /app
COPY pyproject.toml requirements.lock scripts/sbom.py ./
RUN python sbom.py > /usr/local/share/causeway.cdx.json
COPY causeway causeway
COPY feature_repo feature_repo
COPY components components
COPY pipelines pipelines
RUN printf '#!/bin/sh\nexec python -m causeway.cli "$@"\n' > /usr/local/bin/causeway && chmod 755 /usr/local/bin/causeway
USER 1000:1000

# --- the layer that train, sim and serve share: torch, transformers, peft ---
FROM ${TORCH_BASE} AS model-packages
ENV UV_SYSTEM_CERTS=1 SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
COPY --from=tools /opt/uv /opt/uv
COPY --from=tools /locks /locks
ENV PATH=/opt/uv/bin:${PATH}
WORKDIR /locks
RUN if python -c "import torch" 2>/dev/null; then drop='^(torch|triton|nvidia-|cuda-)'; else drop='^$'; fi; \
    awk -v drop="$drop" '/^[a-z]/ {kept = $0 !~ drop} kept' model.lock > kept.lock \
    && uv venv --quiet --system-site-packages --python "$(command -v python)" /opt/causeway \
    && VIRTUAL_ENV=/opt/causeway uv pip install --no-cache --no-deps --require-hashes \
        --requirement step.lock --requirement kept.lock

FROM ${TORCH_BASE} AS model
COPY --from=model-packages /opt/causeway /opt/causeway
ENV PATH=/opt/causeway/bin:${PATH} PYTHONDONTWRITEBYTECODE=1 HOME=/tmp CAUSEWAY_CACHE=/tmp/causeway \
    OMP_WAIT_POLICY=PASSIVE
WORKDIR /app

# --- training stages: DeepSpeed, whose one operator for processes on CPUs is compiled here and not when a job starts ---
FROM model-packages AS train-packages
RUN apt-get -qq update && apt-get -qq install -y --no-install-recommends g++ python3-dev >/dev/null
ENV DS_ACCELERATOR=cpu DS_BUILD_SHM_COMM=1
RUN export VIRTUAL_ENV=/opt/causeway && uv pip install --quiet --no-cache setuptools wheel ninja py-cpuinfo \
    && uv pip install --no-cache --no-deps --no-build-isolation --require-hashes --target /opt/train \
        --requirement train.lock

FROM model AS train
COPY --from=train-packages /opt/train /opt/train
ENV PYTHONPATH=/app:/opt/train
COPY pyproject.toml requirements.lock scripts/sbom.py ./
RUN python sbom.py > /usr/local/share/causeway.cdx.json
COPY causeway causeway
COPY feature_repo feature_repo
USER 1000:1000

# --- evaluation and closed loop ---
FROM model-packages AS sim-packages
RUN VIRTUAL_ENV=/opt/causeway uv pip install --no-cache --no-deps --require-hashes --target /opt/sim \
        --requirement sim.lock

FROM model AS sim
COPY --from=sim-packages /opt/sim /opt/sim
ENV PYTHONPATH=/app:/opt/sim MPLCONFIGDIR=/tmp/matplotlib NUMBA_CACHE_DIR=/tmp/numba
COPY pyproject.toml requirements.lock scripts/sbom.py ./
RUN python sbom.py > /usr/local/share/causeway.cdx.json
COPY causeway causeway
COPY feature_repo feature_repo
USER 1000:1000

# --- the model server: KServe and what a policy needs, without what only training does ---
FROM model-packages AS serve-packages
RUN VIRTUAL_ENV=/opt/causeway uv pip install --no-cache --no-deps --require-hashes --target /opt/serve \
        --requirement serve.lock

FROM model AS serve
COPY --from=serve-packages /opt/serve /opt/serve
ENV PYTHONPATH=/app:/opt/serve
COPY pyproject.toml requirements.lock scripts/sbom.py ./
RUN python sbom.py > /usr/local/share/causeway.cdx.json
COPY causeway causeway
USER 1000:1000
# It answers other machines, so it wants tokens (the variable CAUSEWAY_TOKENS, or --tokens FILE) or --without-tokens.
CMD ["python", "-m", "causeway.serving.server", "--policy", "/mnt/models", "--host", "0.0.0.0"]
