# One image per service, from the repository's root: docker build --build-arg SERVICE=backend .
ARG BASE=docker.io/library/python:3.11.14-slim-bookworm
ARG SERVICE=backend

FROM ${BASE} AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python3 -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
# The hashed lock has a layer of its own: it changes more rarely than the code. LOCK=traces adds OpenTelemetry.
ARG LOCK=runtime
COPY requirements/${LOCK}.txt /src/requirements/
RUN pip install --require-hashes -r "/src/requirements/${LOCK}.txt"
COPY packages /src/packages
RUN pip install --no-deps --no-build-isolation /src/packages/django-sagas /src/packages/service-kit

FROM ${BASE} AS application
RUN groupadd --gid 10001 app \
    && useradd --uid 10001 --gid app --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin app \
    && install -d -o app -g app -m 0700 /data
COPY --from=packages /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DATA_DIR=/data
WORKDIR /app

# gunicorn reads GUNICORN_CMD_ARGS by itself.
FROM application AS threaded
ENV GUNICORN_CMD_ARGS="--config python:service_kit.gunicorn_conf"

FROM threaded AS backend
ENV PORT=8001 APPLICATION=flight.wsgi:application DJANGO_SETTINGS_MODULE=flight.settings

FROM threaded AS loyalty
ENV PORT=8002 APPLICATION=loyalty.wsgi:application DJANGO_SETTINGS_MODULE=loyalty.settings

FROM threaded AS payment
ENV PORT=8003 APPLICATION=payment.wsgi:application DJANGO_SETTINGS_MODULE=payment.settings

FROM application AS ui
ENV PORT=8000 APPLICATION=ui.asgi:application DJANGO_SETTINGS_MODULE=ui.settings \
    GUNICORN_CMD_ARGS="--config python:service_kit.gunicorn_conf --worker-class asgi --threads 1"

FROM ${SERVICE}
ARG SERVICE
COPY ${SERVICE}-service/ /app/
# A clone made under a strict umask keeps its files to their owner.
RUN rm -rf tests && chmod -R u=rwX,go=rX . && python -m compileall -q .
USER 10001:10001
EXPOSE ${PORT}
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:9000/api/health/ready/', timeout=4)"]
# The container is the boundary: inside it all interfaces, published where compose says.
# Health checks have an address, and so a queue, of their own.
CMD ["sh", "-c", "exec gunicorn --bind 0.0.0.0:$PORT --bind 127.0.0.1:9000 $APPLICATION"]
