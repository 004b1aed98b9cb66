# redraft with everything it needs; a Prefect worker, unless another command is named.
#
#   docker build --tag redraft .
#   docker run --env PREFECT_API_URL=http://SERVER:4200/api --volume redraft:/data redraft
#   docker run --rm --volume redraft:/data redraft redraft query "FROM runs"

FROM python:3.13-slim AS wheel
COPY . /source
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheel /source

FROM python:3.13-slim
COPY constraints.txt /wheel/constraints.txt
COPY --from=wheel /wheel/ /wheel/
RUN pip install --no-cache-dir --constraint /wheel/constraints.txt /wheel/*.whl
RUN useradd --create-home redraft && install --directory --owner redraft /data
USER redraft
# The store, its journal and the exports: relative paths start here.
WORKDIR /data
VOLUME /data
CMD ["prefect", "worker", "start", "--pool", "local", "--type", "process"]
