#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Publishes what an image build has made: imports it and shares it.
#
#   factory.sh FILE NAME VERSION PROJECT…
#
# OS_CLOUD says which cloud, IMS_BUCKET by way of which bucket, IMS_OS_VERSION
# what the image has. It is called NAME-VERSION; run again, this goes on with
# what is there. The image's ID is all that is printed.
set -euo pipefail

if [ $# -lt 4 ]; then
    echo "usage: $0 FILE NAME VERSION PROJECT..." >&2
    exit 2
fi
: "${IMS_BUCKET:?is missing}" "${IMS_OS_VERSION:?is missing}"
file=$1 name=$2 version=$3
shift 3

id=$(openstack ims image create "$name-$version" --once --file "$file" \
    --bucket "$IMS_BUCKET" --os-version "$IMS_OS_VERSION" \
    --tag "family=$name" --tag "version=$version" \
    --wait -f value -c id)

members=$(openstack ims image member list "$id" -f value -c "Member ID")
new=()
for project in "$@"; do
    grep -qxF "$project" <<<"$members" || new+=(--project "$project")
done
if [ ${#new[@]} -gt 0 ]; then
    openstack ims image member add "$id" "${new[@]}" --wait >&2
fi
echo "$id"
