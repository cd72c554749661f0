#!/bin/sh -e
exec /usr/bin/env "$@" < /dev/null
