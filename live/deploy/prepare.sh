#!/bin/sh
# Makes what a trial on one machine needs to know and nobody else may: a certificate for localhost and the services' names, the key that
# signs tokens, its public half, and Grafana's password. Run it once, in an empty folder: sh prepare.sh FOLDER
set -eu
umask 077
folder="${1:?name a folder for the secrets}"
mkdir -p "$folder"
cd "$folder"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj /CN=tapebook -keyout tls.key -out tls.crt \
    -addext "subjectAltName=DNS:localhost,DNS:session,DNS:read,DNS:pages,IP:127.0.0.1" 2>/dev/null
openssl rand -base64 24 > grafana-password
"${TAPEBOOK:-tapebook}" token --public --out signing > issuer.json
# Compose mounts these two as they are, and the image runs as nobody: readable in a folder that only you may enter.
chmod 644 tls.crt issuer.json
echo "secrets are in $folder; a token: tapebook token --role trader --trader ann --portfolio fund --out $folder/signing"
