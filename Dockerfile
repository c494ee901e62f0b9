# Three images from one file:
#   docker build --target api    -t spectrum-api .       the HTTP door; no torch, no weights
#   docker build --target worker -t spectrum-worker .    one worker; PyTorch with CUDA
#   docker build --target cpu    -t spectrum .           API, worker and embedded Valkey in one, no GPU
# PyTorch's default Linux build brings CUDA. For `cpu`, hand over PyTorch's index of CPU builds to leave it out:
#   docker build --target cpu --build-arg TORCH_INDEX=<address> -t spectrum .
# Each image holds a bill of its materials: /opt/spectrum/sbom.cdx.json (CycloneDX).
ARG PYTHON_IMAGE=python:3.11.13-slim-bookworm

FROM ${PYTHON_IMAGE} AS base
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
# Without pip: it installs from outside, and what runs cannot install anything.
RUN python -m venv --without-pip /opt/spectrum
WORKDIR /src

# The wheel twice: whole, and without weights for the image that never loads them.
FROM base AS wheels
COPY pyproject.toml README.md LICENSE ./
COPY service service
COPY model model
RUN pip wheel --no-deps --wheel-dir /wheels/whole . \
    && rm -rf model/weights \
    && pip wheel --no-deps --wheel-dir /wheels/light .

FROM base AS inventory
COPY docker/sbom.txt ./
RUN python -m venv --without-pip /opt/inventory \
    && pip --python /opt/inventory/bin/python install --requirement sbom.txt

FROM base AS build-api
COPY constraints.txt docker/api.txt ./
RUN pip --python /opt/spectrum/bin/python install --constraint constraints.txt --requirement api.txt
RUN --mount=type=bind,from=wheels,source=/wheels/light,target=/wheels \
    pip --python /opt/spectrum/bin/python install --no-deps /wheels/*.whl
RUN --mount=type=bind,from=inventory,source=/opt/inventory,target=/opt/inventory \
    /opt/inventory/bin/cyclonedx-py environment --output-reproducible \
    --output-file /opt/spectrum/sbom.cdx.json /opt/spectrum/bin/python

FROM base AS build-model
ARG TORCH_INDEX=""
COPY constraints.txt ./
RUN pip --python /opt/spectrum/bin/python install --constraint constraints.txt \
    ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} torch
RUN --mount=type=bind,from=wheels,source=/wheels/whole,target=/wheels \
    pip --python /opt/spectrum/bin/python install --constraint constraints.txt /wheels/*.whl
RUN --mount=type=bind,from=inventory,source=/opt/inventory,target=/opt/inventory \
    /opt/inventory/bin/cyclonedx-py environment --output-reproducible \
    --output-file /opt/spectrum/sbom.cdx.json /opt/spectrum/bin/python

# What runs: no build tools, a user without a name or a home, nothing written outside /tmp.
FROM ${PYTHON_IMAGE} AS runtime
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PATH=/opt/spectrum/bin:$PATH \
    HOME=/tmp \
    HF_HOME=/tmp/huggingface \
    SPECTRUM_HOST=0.0.0.0
LABEL org.opencontainers.image.title="Spectrum" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --chmod=0755 docker/entrypoint.sh docker/healthcheck.py /usr/local/bin/
WORKDIR /tmp
USER 10001:10001
STOPSIGNAL SIGTERM
ENTRYPOINT ["entrypoint.sh"]

FROM runtime AS api
COPY --from=build-api /opt/spectrum /opt/spectrum
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 CMD ["healthcheck.py", "8000", "/livez"]
CMD ["api"]

FROM runtime AS worker
# The driver comes from the host through NVIDIA's container runtime; PyTorch brings the rest of CUDA.
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    SPECTRUM_WORKER_METRICS_PORT=9100
COPY --from=build-model /opt/spectrum /opt/spectrum
EXPOSE 9100
HEALTHCHECK --interval=10s --timeout=3s --start-period=120s --retries=3 CMD ["healthcheck.py", "9100", "/metrics"]
CMD ["worker"]

FROM runtime AS cpu
COPY --from=build-model /opt/spectrum /opt/spectrum
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=120s --retries=3 CMD ["healthcheck.py", "8000", "/readyz"]
CMD ["serve"]
