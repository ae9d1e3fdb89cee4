#!/bin/bash
# 0: MarketFlow answers on /healthz. 1: it does not listen, not answer within 3 s, or not with 200.
exec 2>/dev/null 3<>"/dev/tcp/127.0.0.1/${MARKETFLOW_SERVER_PORT:-8080}" || exit 1
printf 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
read -r -t 3 _ status _ <&3
[[ $status == 200 ]] || exit 1
