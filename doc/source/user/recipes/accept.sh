#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Accepts the images that trusted projects share with this one.
#
#   accept.sh PROJECT…
#
# OS_CLOUD says who accepts; a PROJECT is the ID of one that is trusted.
set -euo pipefail

if [ $# -lt 1 ]; then
    echo "usage: $0 PROJECT..." >&2
    exit 2
fi
for project in "$@"; do
    images=$(openstack ims image list --member-status pending \
        --project "$project" -f value -c ID)
    if [ -n "$images" ]; then
        # shellcheck disable=SC2086 # These are IDs, which have no spaces.
        openstack ims image member set --accept --wait $images
    fi
done
