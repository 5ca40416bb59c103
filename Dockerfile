# Stages: packages (build stage) > base (shared runtime) > development | production.
# No apt: the wheels contain GDAL, GEOS and PROJ, in the same versions for amd64 and arm64 (Apple silicon).
FROM python:3.13-slim AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
COPY requirements.txt .
# The virtual environment has no pip. The libraries' file names contain a hash, so symbolic links without it are created in the
# same folder, since the libraries find their dependencies by relative path.
RUN python -m venv --without-pip /opt/venv \
 && pip --python /opt/venv/bin/python install -r requirements.txt \
 && find /opt/venv -type d -path '*/site-packages/*/tests' -prune -exec rm -rf {} + \
 && ln -s /opt/venv/lib/python3.*/site-packages /opt/venv/site \
 && for library in pyogrio.libs/libgdal shapely.libs/libgeos_c; do \
      set -- /opt/venv/site/$library-*.so*; ln -s "${1##*/}" "/opt/venv/site/$library.so"; \
    done

FROM packages AS packages-development
COPY requirements-dev.txt .
# Only the dependency of --reload: tests run outside of the container, with bin/test.
RUN pip --python /opt/venv/bin/python install "$(sed -n 's/^\(watchfiles==[^ ]*\).*/\1/p' requirements-dev.txt)"

FROM python:3.13-slim AS base
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    GDAL_LIBRARY_PATH=/opt/venv/site/pyogrio.libs/libgdal.so GEOS_LIBRARY_PATH=/opt/venv/site/shapely.libs/libgeos_c.so \
    GDAL_DATA=/opt/venv/site/pyogrio/gdal_data PROJ_DATA=/opt/venv/site/pyogrio/proj_data PROJ_LIB=/opt/venv/site/pyogrio/proj_data \
    GEODATA_CACHE=/var/cache/covidtrends-geo DOWNLOADS_DIR=/var/lib/covidtrends-geo/downloads
# Both folders belong to the user `web`: a volume mounted there inherits the owner.
RUN useradd --system --uid 1000 --home-dir /nonexistent --shell /usr/sbin/nologin web \
 && mkdir -p /srv/covidtrends-geo/app "$GEODATA_CACHE" "$DOWNLOADS_DIR" && chown web "$GEODATA_CACHE" "$DOWNLOADS_DIR"
WORKDIR /srv/covidtrends-geo/app
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=600s --retries=3 CMD ["../bin/container", "health"]
ENTRYPOINT ["../bin/container"]
CMD ["serve"]

FROM base AS development
COPY --from=packages-development /opt/venv /opt/venv
COPY . /srv/covidtrends-geo/
# The key signs nothing: collectstatic only requires one to be set.
RUN SECRET_KEY=build python manage.py collectstatic --noinput
USER 1000
CMD ["serve", "--reload", "--workers", "1"]

FROM base AS production
COPY --from=packages /opt/venv /opt/venv
COPY . /srv/covidtrends-geo/
RUN SECRET_KEY=build python manage.py collectstatic --noinput \
 && PYTHONDONTWRITEBYTECODE='' python -m compileall -q .
USER 1000
