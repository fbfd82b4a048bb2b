# softreg in a container. What it reads and writes is in /work:
#
#   docker build -t softreg .
#   docker run --rm -u "$(id -u):$(id -g)" -v "$PWD:/work" softreg train my-pictures/
#   docker run --rm -u "$(id -u):$(id -g)" -v "$PWD:/work" -p 8321:8321 softreg studio --address 0.0.0.0:8321
#
# Processes that train together:
#
#   docker build --build-arg FEATURES=mpi -t softreg .
#   docker run --rm -u "$(id -u):$(id -g)" -v "$PWD:/work" --entrypoint mpirun softreg -n 4 softreg train my-pictures/

FROM rust:1.95-slim-bookworm AS build
ARG FEATURES=""
RUN apt-get update \
 && apt-get install -y --no-install-recommends build-essential libopenmpi-dev libclang-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN cargo build --locked --profile dist --package softreg-cli --features "$FEATURES"

FROM debian:bookworm-slim
ARG FEATURES=""
# The program needs the C library alone; MPI brings its launcher.
RUN case ",$FEATURES," in *,mpi,*) apt-get update \
 && apt-get install -y --no-install-recommends openmpi-bin openssh-client \
 && rm -rf /var/lib/apt/lists/* ;; esac
COPY --from=build /source/target/dist/softreg /usr/local/bin/softreg
# Whoever runs it may have no home folder here.
ENV XDG_CACHE_HOME=/tmp/cache
WORKDIR /work
ENTRYPOINT ["softreg"]
CMD ["--help"]
