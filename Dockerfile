# photopulse serve on the CPU. Everything is fetched while the image is built: a container needs no network.
# Any program that reaches a container's address must know the secret: PHOTOPULSE_TOKEN, 8 characters or more.
FROM python:3.12-slim

# Give the index of PyTorch's CPU builds (its installation page names it): the image is gigabytes smaller. On ARM,
# every build is one for the CPU.
ARG PIP_EXTRA_INDEX_URL

WORKDIR /opt/photopulse
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY src src
RUN pip install --no-cache-dir '.[web,formats]'

# From here on without rights; the weights belong to that user, who can read them only where the root is read-only.
RUN useradd --uid 10001 --create-home photopulse && install --directory --owner photopulse weights
ENV PHOTOPULSE_CACHE=/opt/photopulse/weights
USER photopulse
RUN photopulse models get mobilestylegan-ffhq-1024 blazeface facemesh realesrgan-x4plus

# One face without a network shows that nothing is missing, and keeps in the cache what a first search computes.
ENV PHOTOPULSE_OFFLINE=1
COPY examples/face_16.png examples/face_16.png
RUN photopulse upscale examples/face_16.png --quality draft -o /tmp/built && rm -r /tmp/built

EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["photopulse", "serve", "--host", "0.0.0.0"]
