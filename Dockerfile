# The image of every livewarden service. Built by docker-compose.yml; by hand: docker build -t livewarden:0.1.0 .
FROM python:3.12.13-slim-bookworm

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore

# the locked requirements first: they change seldom, and their layer is kept
COPY requirements/runtime.txt /src/requirements/runtime.txt
RUN pip install --require-hashes --requirement /src/requirements/runtime.txt

COPY pyproject.toml README.md LICENSE /src/
COPY livewarden /src/livewarden
COPY models /src/models
COPY sinks /src/sinks
COPY sources /src/sources
COPY console /src/console
COPY streams /src/streams
COPY cli /src/cli
RUN pip install --no-deps --no-build-isolation /src && rm -rf /src

RUN useradd --uid 10001 --create-home --home-dir /var/lib/livewarden livewarden
USER 10001
WORKDIR /var/lib/livewarden

ENTRYPOINT ["livewarden"]
CMD ["worker"]
