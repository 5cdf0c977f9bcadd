# lcsearch in a container, for CPUs and for NVIDIA GPUs; docs/install.md says how it is used.
#
#   docker build -t lcsearch .                     the builds of torch from PyPI: they run on both, and take 6 GB
#   docker build -t lcsearch --build-arg TORCH_INDEX=URL .     CPU alone, 1 GB: URL is PyTorch's index of CPU builds
#   docker build -t lcsearch:cuda --target cuda .  what the driver's container toolkit asks of an image
#   docker build --build-arg EXTRAS=[onnx,mlflow] -t lcsearch .
#
#   docker run --rm -v "$PWD:/workspace" -u "$(id -u):$(id -g)" lcsearch run --backbone base --dataset digits
#   docker run --rm --gpus all --shm-size 2g -v "$PWD:/workspace" -u "$(id -u):$(id -g)" lcsearch:cuda run --backbone vgg11
ARG PYTHON=3.12
FROM python:${PYTHON}-slim AS base
ARG TORCH_INDEX=
ARG EXTRAS=
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY search_spaces search_spaces
COPY lcsearch lcsearch
# torch and torchvision in one call, so that they match; first, so that another index serves these two alone.
RUN if [ -n "$TORCH_INDEX" ]; then pip install --no-cache-dir --index-url "$TORCH_INDEX" torch torchvision; fi
RUN pip install --no-cache-dir ".$EXTRAS"
# Any user may run the image (-u): data sets that were fetched, and runs, lie in the folder that is mounted.
RUN useradd --create-home lcsearch && install --directory --owner lcsearch /workspace
ENV LCSEARCH_CACHE=/workspace/.lcsearch-cache HOME=/tmp MPLBACKEND=Agg
WORKDIR /workspace
USER lcsearch
ENTRYPOINT ["lcsearch"]
CMD ["--help"]

FROM base AS cuda
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility

FROM base AS cpu
