# syntax=docker/dockerfile:1
FROM python:3.11-slim-bookworm AS build

# annoy has no wheel: a compiler is needed here, and stays here.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
RUN python -m venv /opt/recsys
ENV PATH=/opt/recsys/bin:$PATH
COPY . .
RUN pip install --no-cache-dir --constraint requirements.txt .


FROM python:3.11-slim-bookworm

# LightGBM and implicit are built for OpenMP.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/recsys --shell /usr/sbin/nologin recsys \
    && install --directory --owner=10001 --group=0 --mode=0770 /var/lib/recsys
COPY --from=build /opt/recsys /opt/recsys
ENV PATH=/opt/recsys/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    NUMBA_CACHE_DIR=/tmp/numba \
    RECSYS_HOME=/var/lib/recsys \
    RECSYS_SERVE__HOST=0.0.0.0
USER 10001
WORKDIR /var/lib/recsys
VOLUME /var/lib/recsys
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health/live', timeout=4)"]
ENTRYPOINT ["recsys"]
CMD ["serve"]
