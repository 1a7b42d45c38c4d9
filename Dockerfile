# The pages in a container: see docs/deploying.md.
FROM python:3.11-slim-bookworm

# A font with Chinese letters, for titles in the pictures of shared results; packages.txt names it for a Space.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --no-install-recommends --yes fonts-wqy-microhei && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 1000 user && install --directory --owner=user --group=user /data
WORKDIR /app
COPY requirements.lock ./
RUN pip install --no-cache-dir --only-binary :all: --require-hashes --requirement requirements.lock \
    --extra-index-url https://download.pytorch.org/whl/cpu
COPY LICENSE LICENSES.md app.py ./
COPY apex_space apex_space

USER 1000
# An image that cannot score is not built; and what this compiles need not be compiled again for a visitor's first song.
RUN python -m apex_space score apex_space/arena/examples/bossa.ogg --judge pocket
ENV APEX_DATA=/data HF_HOME=/data/huggingface GRADIO_SERVER_NAME=0.0.0.0 GRADIO_SERVER_PORT=7860
VOLUME /data
EXPOSE 7860
HEALTHCHECK --start-period=60s --timeout=5s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:7860/healthz', timeout=4)"]
CMD ["python", "app.py"]
