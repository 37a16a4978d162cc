#!/bin/sh
# Prints an SSLConfig for --ssl_config_file, from PEM files. With an authority's certificate,
# clients must show one that it has signed (mutual TLS).
#
#   sh serving/ssl_config.sh server.key server.crt [clients_ca.crt] > ssl.config
set -eu

field() {
  printf '%s:\n' "$1"
  awk '{ gsub(/[\\"]/, "\\\\&"); printf "  \"%s\\n\"\n", $0 }' "$2"
}

if [ $# -lt 2 ] || [ $# -gt 3 ]; then
  echo "usage: sh $0 KEY CERTIFICATE [CLIENTS_AUTHORITY]" >&2
  exit 2
fi
field server_key "$1"
field server_cert "$2"
if [ $# -eq 3 ]; then
  field custom_ca "$3"
  echo "client_verify: true"
fi
