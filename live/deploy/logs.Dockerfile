# Ships session.log: one JSON object a line, names of the Elastic Common Schema.
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends rsyslog && rm -rf /var/lib/apt/lists/*
COPY logs.conf /etc/rsyslog.conf
CMD ["rsyslogd", "-n"]
