#!/bin/sh
# Starts nginx as this process, on the port that the environment names.
set -eu
sed "s/@PORT@/${PORT:-8080}/" nginx.conf >"/tmp/nginx-$$.conf"
exec nginx -p "$PWD/" -c "/tmp/nginx-$$.conf"
