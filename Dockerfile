# docker build --tag mevis-bench .                               for CPUs
# docker build --build-arg TORCH=cu128 --tag mevis-bench .       for CUDA 12.8
# docker run --rm --gpus all --volume "$PWD":/work --user "$(id -u)" mevis-bench run --task rvos --method lmpmpp
FROM python:3.11-slim
ARG TORCH=cpu

RUN apt-get update \
 && apt-get install --yes --no-install-recommends flite festival festvox-us-slt-hts \
 && rm -rf /var/lib/apt/lists/*

WORKDIR /src
COPY . .
# As `make setup`: packages without their own dependencies.
RUN pip install --no-cache-dir --constraint constraints.txt uv \
 && uv pip install --system --no-cache --torch-backend "$TORCH" --constraint constraints.txt \
      '.[rmeg,plots,video,notebook]' jiwer more-itertools tiktoken tabulate \
 && uv pip install --system --no-cache --no-deps --constraint constraints.txt openai-whisper trackeval \
 && rm -rf /src/*

WORKDIR /work
# Caches of weights and compiled code for any user.
ENV HOME=/tmp
ENTRYPOINT ["mevis-bench"]
CMD ["--help"]
