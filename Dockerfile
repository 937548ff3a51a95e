# One image for every service of docker-compose.yml; each service says which program it runs.
FROM python:3.13-slim AS packages
WORKDIR /tambour
COPY requirements/installer.lock requirements/runtime.lock requirements/
RUN pip install --no-cache-dir --require-hashes --no-deps -r requirements/installer.lock \
    && python -m venv --without-pip /venv \
    && uv pip install --no-cache --compile-bytecode --require-hashes --python /venv/bin/python -r requirements/runtime.lock

FROM python:3.13-slim
RUN useradd --system --create-home --home-dir /home/tambour tambour \
    && install -d -o tambour /media /roots /journal
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=config.settings \
    MEDIA_ROOT=/media \
    LEDGER_ROOTS=/roots \
    JOURNAL_ROOT=/journal
WORKDIR /tambour
COPY --from=packages /venv /venv
COPY manage.py pyproject.toml ./
COPY config config
COPY feedback feedback
COPY broadcasts broadcasts
COPY templates_approval templates_approval
COPY consent consent
COPY businesses businesses
# Nobody may write here later on, and every start would compile them again.
RUN python -m compileall -q config feedback broadcasts templates_approval consent businesses
# Collecting reads no server and no secret; these three only let the settings load.
RUN SECRET_KEY=for-the-build-only DATABASE_URL=postgres://nobody@/nothing REDIS_URL=redis://nobody \
    python manage.py collectstatic --no-input
USER tambour
EXPOSE 8000
CMD ["python", "-m", "gunicorn", "--config", "python:config.gunicorn", "config.wsgi"]
